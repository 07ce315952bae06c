//! Small requests: payments, new connections, kept connections, HTTP/2.

use std::io;

use tokio_rustls::client::TlsStream;

use super::{Found, Turns, all, cost_of};
use crate::caller::{Caller, Caller2};
use crate::figures::Figure;
use crate::peers::{Duty, Server, Stage};
use crate::requests::{bearer, delivery, delivery2, login};

/// How many callers come side by side with new connections.
const CALLERS: usize = 16;

/// Kept connections.
const CONNECTIONS: usize = 64;

/// HTTP/2: connections, and streams at a time on each.
const HTTP2: (usize, usize) = (8, 16);

/// What the network does for each payment. Where no tokens are issued, the token's connection carries a delivery too.
pub(super) async fn payment(stage: &Stage, server: &Server, payments: usize) -> io::Result<Found> {
    let issues = server.peer.duty() == Duty::Issues;
    let prepared = delivery(&bearer()?);
    let turns = Turns::of(payments);
    let jobs = (0..CALLERS).map(|_| {
        let (turns, tls, port, prepared) = (turns.clone(), stage.tls.http1.clone(), server.port, prepared.clone());
        async move {
            while turns.take() {
                let mut caller = Caller::connect(port, &tls).await?;
                let second = if issues { delivery(&fetched(&mut caller).await?) } else { prepared.clone() };
                if !issues {
                    caller.ask(&prepared).await?;
                }
                caller.close().await?;
                let mut caller = Caller::connect(port, &tls).await?;
                caller.ask(&second).await?;
                caller.close().await?;
            }
            Ok(())
        }
    });
    let seen = if issues { payments } else { 2 * payments };
    Ok(vec![(Figure::Payment, cost_of(stage, server, payments, seen, all(jobs)).await?)])
}

/// The value of `Authorization` with a token from the token endpoint.
async fn fetched(caller: &mut Caller<TlsStream<tokio::net::TcpStream>>) -> io::Result<String> {
    let answer = caller.ask_whole(&login()).await?;
    let issued: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let token = issued["access_token"].as_str().ok_or_else(|| io::Error::other(format!("no token: {answer:?}")))?;
    Ok(format!("Bearer {token}"))
}

/// A new connection with a full handshake for each request.
pub(super) async fn connection(stage: &Stage, server: &Server, requests: usize) -> io::Result<Found> {
    let request = delivery(&bearer()?);
    let turns = Turns::of(requests);
    let jobs = (0..CALLERS).map(|_| {
        let (turns, tls, port, request) = (turns.clone(), stage.tls.http1.clone(), server.port, request.clone());
        async move {
            while turns.take() {
                let mut caller = Caller::connect(port, &tls).await?;
                caller.ask(&request).await?;
                caller.close().await?;
            }
            Ok(())
        }
    });
    Ok(vec![(Figure::Connection, cost_of(stage, server, requests, requests, all(jobs)).await?)])
}

/// Requests on connections that are open and warm before anything is counted, and are closed after it.
pub(super) async fn keep_alive(stage: &Stage, server: &Server, requests: usize) -> io::Result<Found> {
    let request = delivery(&bearer()?);
    let opened = (0..CONNECTIONS).map(|_| {
        let (tls, port, request) = (stage.tls.http1.clone(), server.port, request.clone());
        async move {
            let mut caller = Caller::connect(port, &tls).await?;
            caller.ask(&request).await?;
            Ok(caller)
        }
    });
    let callers = all(opened).await?;
    let turns = Turns::of(requests);
    let jobs = callers.into_iter().map(|mut caller| {
        let (turns, request) = (turns.clone(), request.clone());
        async move {
            while turns.take() {
                caller.ask(&request).await?;
            }
            Ok(caller)
        }
    });
    Ok(vec![(Figure::KeepAlive, cost_of(stage, server, requests, requests, all(jobs)).await?)])
}

/// Requests on HTTP/2 connections that are open and warm before anything is counted.
pub(super) async fn http2(stage: &Stage, server: &Server, requests: usize) -> io::Result<Found> {
    let request = delivery2(&bearer()?, server.port)?;
    let opened = (0..HTTP2.0).map(|_| {
        let (tls, port, request) = (stage.tls.http2.clone(), server.port, request.clone());
        async move {
            let mut caller = Caller2::connect(port, &tls).await?;
            caller.ask(request).await?;
            Ok(caller)
        }
    });
    let callers = all(opened).await?;
    let turns = Turns::of(requests);
    let streams = callers.iter().flat_map(|caller| vec![caller.clone(); HTTP2.1]);
    let jobs = streams.map(|mut caller| {
        let (turns, request) = (turns.clone(), request.clone());
        async move {
            while turns.take() {
                caller.ask(request.clone()).await?;
            }
            Ok(caller)
        }
    });
    Ok(vec![(Figure::Http2, cost_of(stage, server, requests, requests, all(jobs)).await?)])
}
