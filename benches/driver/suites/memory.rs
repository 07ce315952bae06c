//! What a peer needs to be there: time to start, memory, a file.

use std::fs;
use std::io;
use std::time::Duration;

use tokio::time::sleep;

use super::{Found, Turns, all};
use crate::caller::Caller;
use crate::figures::Figure;
use crate::peers::{Server, Stage};
use crate::requests::{bearer, delivery};

const KIB: f64 = 1024.0;

/// How long a peer rests before its memory is read.
const REST: Duration = Duration::from_millis(700);

/// How many connections are opened side by side.
const OPENERS: usize = 16;

/// How long a peer took to its first answer, and its memory after it.
pub(super) async fn start(server: &Server) -> io::Result<Found> {
    sleep(REST).await;
    let memory = server.process.memory()?;
    Ok(vec![
        (Figure::Start, server.until_first_answer.as_secs_f64() * 1e3),
        (Figure::Idle, memory.proportional as f64 / KIB / KIB),
        (Figure::IdleResident, memory.resident as f64 / KIB / KIB),
    ])
}

/// The memory for each connection that has made one request and stays open, as the network leaves them.
pub(super) async fn connections(stage: &Stage, server: &Server) -> io::Result<Found> {
    let request = delivery(&bearer()?);
    sleep(REST).await;
    let idle = server.process.memory()?.proportional;
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for (figure, wanted) in [(Figure::Per1000, 1_000), (Figure::Per5000, 5_000)] {
        let turns = Turns::of(wanted - open.len());
        let jobs = (0..OPENERS).map(|_| {
            let (turns, tls, port, request) = (turns.clone(), stage.tls.http1.clone(), server.port, request.clone());
            async move {
                let mut opened = Vec::new();
                while turns.take() {
                    let mut caller = Caller::connect(port, &tls).await?;
                    caller.ask(&request).await?;
                    opened.push(caller);
                }
                Ok(opened)
            }
        });
        open.extend(all(jobs).await?.into_iter().flatten());
        sleep(REST).await;
        let now = server.process.memory()?.proportional;
        found.push((figure, (now as f64 - idle as f64) / KIB / wanted as f64));
    }
    // Whoever has closed some has saved memory in another way than the figure says.
    for caller in open.iter_mut().step_by(50) {
        caller
            .ask(&request)
            .await
            .map_err(|error| io::Error::other(format!("an idle connection was lost: {error}")))?;
    }
    Ok(found)
}

/// The size of the program file, without the libraries it loads.
pub(super) fn size(server: &Server) -> io::Result<Found> {
    Ok(vec![(Figure::Binary, fs::metadata(server.process.executable()?)?.len() as f64 / 1e6)])
}
