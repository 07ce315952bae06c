//! `MAX_CONNECTIONS`: who is idle makes room, who is in use stays, and who finds no room is told so.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::kit::{
    Answer, Caller, Closing, DEADLINE, H2, Raw, RequestText, Response, Sidecar, Signal, Upstream, h2::H2Body,
    program::processor_ticks, sidecar::Building, wait_until, within,
};

/// A sidecar for so many connections, which are never closed for being slow.
fn room_for(most: usize, workers: usize, upstream: &Upstream) -> Building {
    let timeouts = ["HANDSHAKE_TIMEOUT", "HEADER_TIMEOUT", "BODY_TIMEOUT", "IDLE_TIMEOUT"];
    let building = timeouts.iter().fold(Sidecar::guarding(upstream), |building, name| building.var(name, "10m"));
    building.var("MAX_CONNECTIONS", most.to_string()).var("WORKERS", workers.to_string())
}

/// An upstream that holds back its answers until the signal fires.
async fn holding(signal: &Signal) -> Upstream {
    let held = signal.clone();
    Upstream::answering(move |_| Answer::booked().after(&held)).await
}

/// Sends a request without a token and reads its refusal: the connection is used and idle.
async fn use_once(raw: &mut Raw) {
    raw.write(RequestText::new("GET", "/").bytes()).await;
    assert_eq!(raw.read_response().await.status(), 401);
}

/// A connection with a request that waits for the upstream.
async fn in_use(sidecar: &Sidecar, token: &str, upstream: &Upstream) -> Raw {
    let (mut raw, before) = (sidecar.connect().await, upstream.seen());
    raw.write(RequestText::new("POST", "/waits").bearer(token).json("{}").bytes()).await;
    upstream.wait_for("the request", |seen| seen.len() > before).await;
    raw
}

fn is_overloaded(response: &Response) -> bool {
    let said = (response.status(), response.refusal(), response.header("Retry-After"));
    said == (503, "OVERLOADED".to_owned(), Some("1"))
}

#[tokio::test]
async fn when_it_is_full_the_longest_idle_makes_room() {
    let upstream = Upstream::recording().await;
    let sidecar = room_for(4, 1, &upstream).start().await;
    let mut raws = Vec::new();
    for _ in 0..4 {
        raws.push(sidecar.connect().await);
    }
    // The order of their last use, not of their coming, is the order of their going.
    for at in [2, 0, 3, 1] {
        use_once(&mut raws[at]).await;
    }
    let mut newcomers = Vec::new();
    for at in [2, 0] {
        let mut newcomer = sidecar.connect().await;
        use_once(&mut newcomer).await;
        newcomers.push(newcomer);
        assert_eq!(raws[at].expect_closed(DEADLINE).await, Closing::Orderly, "connection {at}");
    }
    for raw in [3, 1].map(|at| raws.swap_remove(at)).iter_mut().chain(&mut newcomers) {
        use_once(raw).await;
    }
    assert_eq!(upstream.seen(), 0);
}

/// With two workers the newcomer's may have no idle connection, and asks the other for room.
#[tokio::test]
async fn when_it_is_full_one_idle_connection_makes_room_whichever_worker_has_it() {
    let upstream = Upstream::recording().await;
    for _ in 0..8 {
        let sidecar = room_for(2, 2, &upstream).start().await;
        let mut idle = tokio::task::JoinSet::new();
        for _ in 0..2 {
            let mut raw = sidecar.connect().await;
            use_once(&mut raw).await;
            idle.spawn(async move { raw.expect_closed(DEADLINE).await });
        }
        let mut newcomer = sidecar.connect().await;
        use_once(&mut newcomer).await;
        let left = within(DEADLINE, "one connection to make room", idle.join_next()).await;
        assert!(left.is_some_and(|closing| closing.is_ok_and(|closing| closing == Closing::Orderly)));
        assert!(idle.try_join_next().is_none(), "one was enough");
        use_once(&mut newcomer).await;
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn when_all_are_in_use_the_next_is_told_so_and_the_upstream_hears_nothing() {
    for workers in [1, 2] {
        let go = Signal::new();
        let upstream = holding(&go).await;
        let sidecar = room_for(2, workers, &upstream).start().await;
        let token = sidecar.token().await;
        let mut waiting = [in_use(&sidecar, &token, &upstream).await, in_use(&sidecar, &token, &upstream).await];
        for _ in 0..3 {
            let mut raw = sidecar.connect().await;
            raw.write(RequestText::new("POST", "/next").bearer(&token).json("{}").bytes()).await;
            let response = raw.read_response().await;
            assert!(is_overloaded(&response) && response.header("Connection") == Some("close"), "{response:?}");
            assert_eq!(raw.expect_closed(DEADLINE).await, Closing::Orderly);
        }
        let h2: H2 = sidecar.h2().await;
        let request = h2.request("GET", "/next").body(H2Body::empty()).expect("it is a request");
        assert!(is_overloaded(&h2.send(request).await));
        assert!(h2.ended().await.is_none(), "told so once, it may come again when there is room");
        assert_eq!(upstream.seen(), 2);
        let line = sidecar.wait_for_log("the refusal", |line| line["path"] == "/next").await;
        assert_eq!((&line["outcome"], &line["reason"]), (&"refused".into(), &"connections_full".into()));
        go.fire();
        for raw in &mut waiting {
            assert_eq!(raw.read_response().await.status(), 200);
        }
    }
}

/// Newcomers that have not asked for anything yet make no room for each other, or a crowd of them would all get in.
#[tokio::test]
async fn a_crowd_of_newcomers_does_not_get_past_the_limit() {
    let go = Signal::new();
    let upstream = holding(&go).await;
    let sidecar = room_for(2, 1, &upstream).start().await;
    let token = sidecar.token().await;
    let mut waiting = [in_use(&sidecar, &token, &upstream).await, in_use(&sidecar, &token, &upstream).await];
    let mut newcomers = [sidecar.connect().await, sidecar.connect().await];
    assert!(Raw::try_tls(sidecar.address(), &sidecar.tls()).await.is_err(), "so many can only be turned away unheard");
    newcomers.reverse();
    for raw in &mut newcomers {
        raw.write(RequestText::new("POST", "/next").bearer(&token).json("{}").bytes()).await;
        assert!(is_overloaded(&raw.read_response().await));
    }
    assert_eq!(upstream.seen(), 2);
    go.fire();
    for raw in &mut waiting {
        assert_eq!(raw.read_response().await.status(), 200);
    }
}

#[tokio::test]
async fn a_slot_is_free_again_when_its_connection_has_ended() {
    let upstream = holding(&Signal::new()).await;
    for workers in [1, 2] {
        let sidecar = room_for(1, workers, &upstream).start().await;
        let token = sidecar.token().await;
        for at in 0..3 {
            drop(in_use(&sidecar, &token, &upstream).await);
            let gone = || sidecar.log_lines().iter().filter(|line| line["outcome"] == "hung_up").count();
            wait_until("the caller's leaving to be seen", || gone() > at).await;
            // The line is written a moment before the slot is free, and another worker may be faster than that moment.
            within(DEADLINE, "a free slot", newcomer_is_within(&sidecar)).await;
        }
    }
}

/// Comes again and again until there is room.
async fn newcomer_is_within(sidecar: &Sidecar) {
    loop {
        let mut raw = sidecar.connect().await;
        raw.write(RequestText::new("GET", "/").bytes()).await;
        if raw.read_response().await.status() == 401 {
            return;
        }
    }
}

/// The worst moment: a newcomer takes the room of an idle connection whose request has just arrived. Stopped, the program sees both at once.
#[tokio::test]
async fn a_request_that_arrives_while_its_connection_is_to_make_room_is_answered() {
    let upstream = Upstream::recording().await;
    for newcomer_is_first in [true, false] {
        let running = room_for(1, 1, &upstream).program(["run"]).start();
        let address = running.address().await;
        let caller = Caller::of(address);
        let (token, before) = (caller.token().await, upstream.seen());
        let mut raw = caller.connect().await;
        use_once(&mut raw).await;
        let request = RequestText::new("POST", "/books").bearer(&token).json("{}").bytes();
        let connect = || TcpStream::connect_timeout(&address, DEADLINE).expect("the kernel takes it in");

        running.halt().await;
        let early = newcomer_is_first.then(connect);
        raw.write(&request).await;
        let newcomer = early.unwrap_or_else(connect);
        running.signal("CONT");

        assert_eq!(raw.read_response().await.status(), 200, "the newcomer first: {newcomer_is_first}");
        assert_eq!(upstream.seen(), before + 1);
        drop((raw, newcomer));
        use_once(&mut caller.connect().await).await;
    }
}

#[tokio::test]
async fn over_half_full_an_idle_connection_goes_after_five_seconds() {
    let upstream = holding(&Signal::new()).await;
    let half = room_for(4, 1, &upstream).start().await;
    let over = room_for(3, 1, &upstream).start().await;
    let _in_use =
        (in_use(&half, &half.token().await, &upstream).await, in_use(&over, &over.token().await, &upstream).await);
    let (mut stays, mut goes) = (half.connect().await, over.connect().await);
    use_once(&mut stays).await;
    let began = Instant::now();
    use_once(&mut goes).await;
    assert_eq!(goes.expect_closed(DEADLINE).await, Closing::Orderly);
    assert!(began.elapsed() >= Duration::from_secs(5), "gone after {:?}", began.elapsed());
    use_once(&mut stays).await;
    assert_eq!(upstream.seen(), 2);
}

/// M66.
#[tokio::test]
async fn without_descriptors_it_neither_spins_nor_ends_and_recovers() {
    let upstream = Upstream::recording().await;
    let program = room_for(1000, 1, &upstream).program(["run"]);
    let running = program.by_shell(r#"ulimit -n 48; exec "$0" "$@""#).start();
    let address = running.address().await;
    let connect = |_| TcpStream::connect_timeout(&address, DEADLINE).expect("the kernel takes it in");
    let crowd: Vec<TcpStream> = (0..64).map(connect).collect();
    let complaints = || {
        let lines = running.log_lines();
        lines
            .iter()
            .filter(|line| line["message"].as_str().is_some_and(|said| said.contains("raise the limit")))
            .count()
    };
    wait_until("the first complaint", || complaints() > 0).await;
    let (ticks, before, began) = (processor_ticks(running.id()), complaints(), Instant::now());
    wait_until("more complaints", || complaints() >= before + 8).await;
    let (ticks, tenths) = (processor_ticks(running.id()) - ticks, began.elapsed().as_millis() / 100);
    assert!(u128::from(ticks) <= 2 + tenths * 3, "{ticks} ticks in {tenths} tenths of a second: it spins");
    assert!(complaints() - before <= tenths as usize + 3, "it complains too often");
    drop(crowd);
    let caller = Caller::of(address);
    let token = within(DEADLINE, "a token after the crowd has gone", caller.token()).await;
    let delivery = RequestText::new("POST", "/books").bearer(&token).json("{}");
    assert_eq!(caller.exchange(delivery).await.status(), 200);
    assert_eq!(upstream.seen(), 1);
}
