//! Connections of the admin listener: one request each, few at a time, none for long.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::Desk;

/// Serves until `stopped` is told or dropped.
pub(super) async fn serve(listener: StdListener, desk: Arc<Desk>, stopped: oneshot::Receiver<()>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    tokio::select! {
        () = accept_for_ever(&listener, &desk) => {}
        () = desk.remember_for_ever() => {}
        _ = stopped => {}
    }
}

async fn accept_for_ever(listener: &TcpListener, desk: &Arc<Desk>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((tcp, _)) => {
                let serving = answer(tcp, Arc::clone(desk));
                tokio::spawn(async move {
                    // Over or not, the place is free again; how it ended is the other side's business.
                    let _ = timeout(LONGEST, serving).await;
                    drop(place);
                });
            }
            // Out of descriptors: trying again at once would only burn the processor.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn answer(tcp: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(|request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(&request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(false).max_buf_size(MOST_HEAD);
    let _ = http.serve_connection(TokioIo::new(tcp), service).await;
}

/// So that nobody can fill the process from here. Who comes when there is no place waits for one, [`LONGEST`] at most.
const MOST_CONNECTIONS: usize = 64;
const MOST_HEAD: usize = 16 << 10;
const HEAD: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
