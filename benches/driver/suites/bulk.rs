//! Large bodies, one at a time on one connection.

use std::io;

use super::{Found, cost_of};
use crate::caller::Caller;
use crate::figures::Figure;
use crate::peers::{Server, Stage};
use crate::requests::{bearer, delivery, get, upload};
use crate::upstream::DOWNLOAD;

/// The size of an upload, in bytes: below the default limit of 10 MiB.
const UPLOAD: usize = 10_000_000;

/// Uploads of 10 MB; the cost of 1 MB.
pub(super) async fn up(stage: &Stage, server: &Server, uploads: usize) -> io::Result<Found> {
    let request = upload(&bearer()?, UPLOAD);
    let mut caller = Caller::connect(server.port, &stage.tls.http1).await?;
    caller.ask(&delivery(&bearer()?)).await?;
    let job = async {
        for _ in 0..uploads {
            caller.ask(&request).await?;
        }
        Ok(())
    };
    let cost = cost_of(stage, server, uploads, uploads, job).await?;
    Ok(vec![(Figure::Up, cost / (UPLOAD as f64 / 1e6))])
}

/// Downloads of 100 MB; the cost of 1 MB.
pub(super) async fn down(stage: &Stage, server: &Server, downloads: usize) -> io::Result<Found> {
    let authorization = bearer()?;
    let request = get("/down", Some(&authorization));
    let mut caller = Caller::connect(server.port, &stage.tls.http1).await?;
    caller.ask(&delivery(&authorization)).await?;
    let job = async {
        for _ in 0..downloads {
            let length = caller.ask(&request).await?;
            if length != DOWNLOAD {
                return Err(io::Error::other(format!("{length} bytes of {DOWNLOAD}")));
            }
        }
        Ok(())
    };
    let cost = cost_of(stage, server, downloads, downloads, job).await?;
    Ok(vec![(Figure::Down, cost / (DOWNLOAD as f64 / 1e6))])
}
