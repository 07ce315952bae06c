//! How long requests take: one after another, and at a fixed rate.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{spawn_local, yield_now};
use tokio::time::{Duration, Instant};

use super::{Found, all};
use crate::caller::{Caller, connect_tcp};
use crate::figures::{Figure, percentile};
use crate::peers::{Peer, Server, Stage};
use crate::requests::{bearer, delivery};

/// Connections that share the fixed rate.
const CONNECTIONS: usize = 64;

/// How long the fixed rate is kept.
const LASTS: Duration = Duration::from_secs(2);

/// The requests each second that a peer gets: the 4,000, and what one core of Node can do.
pub(crate) fn rate(peer: Peer) -> u32 {
    if peer == Peer::Node { 500 } else { 4_000 }
}

/// One connection, one request after another: what the peer adds to the median of the same requests sent to the upstream itself.
pub(super) async fn sequence(stage: &Stage, server: &Server, requests: usize) -> io::Result<Found> {
    let request = delivery(&bearer()?);
    let mut through = Caller::connect(server.port, &stage.tls.http1).await?;
    let mut direct = Caller::over(connect_tcp(stage.upstream.port()).await?);
    let direct = median_of(&mut direct, &request, requests).await?;
    let through = median_of(&mut through, &request, requests).await?;
    Ok(vec![(Figure::AddedP50, through - direct)])
}

/// The median time of a request, in µs.
async fn median_of<S: AsyncRead + AsyncWrite + Unpin>(
    caller: &mut Caller<S>,
    request: &[u8],
    requests: usize,
) -> io::Result<f64> {
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let begun = Instant::now();
        caller.ask(request).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    Ok(percentile(&mut times, 0.5))
}

/// Requests at moments that are fixed beforehand, whether or not the answers keep up. A request's time begins when it is due, also when no
/// connection is free for it then.
pub(super) async fn fixed_rate(stage: &Stage, server: &Server, times: f64) -> io::Result<Found> {
    let request: Rc<[u8]> = delivery(&bearer()?).into();
    let opened = (0..CONNECTIONS).map(|_| {
        let (tls, port, request) = (stage.tls.http1.clone(), server.port, Rc::clone(&request));
        async move {
            let mut caller = Caller::connect(port, &tls).await?;
            caller.ask(&request).await?;
            Ok(caller)
        }
    });
    let free = Rc::new(RefCell::new(all(opened).await?));
    let every = Duration::from_secs(1) / rate(server.peer);
    let requests = (LASTS.mul_f64(times).as_secs_f64() / every.as_secs_f64()) as u32;
    let begun = Instant::now();
    let mut sent = Vec::with_capacity(requests as usize);
    for index in 0..requests {
        let due = begun + every * index;
        let mut caller = loop {
            // Turns round and round: the clock of the runtime is too coarse, and this core has nothing else to do.
            yield_now().await;
            if Instant::now() >= due
                && let Some(caller) = free.borrow_mut().pop()
            {
                break caller;
            }
            if begun.elapsed() > LASTS.mul_f64(times) * 3 {
                return Err(io::Error::other("the fixed rate is more than it can do"));
            }
        };
        let (request, free) = (Rc::clone(&request), Rc::clone(&free));
        sent.push(spawn_local(async move {
            let outcome = caller.ask(&request).await;
            let took = due.elapsed().as_secs_f64() * 1e6;
            free.borrow_mut().push(caller);
            outcome.map(|_| took)
        }));
    }
    let mut took = Vec::with_capacity(sent.len());
    for request in sent {
        took.push(request.await.map_err(io::Error::other)??);
    }
    let p50 = percentile(&mut took, 0.5);
    Ok(vec![(Figure::RateP50, p50), (Figure::RateP99, percentile(&mut took, 0.99))])
}
