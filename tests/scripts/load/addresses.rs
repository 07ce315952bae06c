//! A login that fails from a million addresses: what the program remembers of them must stay within bounds.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::rc::Rc;

use http::{HeaderValue, StatusCode};
use tokio::task::JoinSet;

use crate::Verdict;
use crate::caller::{Caller, login};
use crate::program::Program;

/// Prints what the program takes before and after; bad when it grows by more than 16 MiB.
pub(crate) async fn run(program: PathBuf) -> io::Result<Verdict> {
    let vars = [
        ("UPSTREAM_URL", "http://127.0.0.1:9"),
        ("TLS", "off"),
        ("CLIENT_USERNAME", "vietqr"),
        ("CLIENT_PASSWORD", "not-the-one-that-is-tried"),
        ("TOKEN_KEY", "load-key-0123456789abcdef0123456789abcdef"),
        ("TRUSTED_PROXIES", "127.0.0.1/32"),
        ("ACCESS_LOG", "off"),
    ];
    let program = Program::start(&program, &vars)?;
    fail(&program, 0..WARM_UP).await?;
    let before = program.resident_kib()?;
    println!("addresses {WARM_UP:>8}  resident {before} KiB");
    for step in 0..STEPS {
        let size = (ADDRESSES - WARM_UP) / STEPS;
        let begin = WARM_UP + step * size;
        fail(&program, begin..begin + size).await?;
        println!("addresses {:>8}  resident {} KiB", begin + size, program.resident_kib()?);
    }
    let grown = program.resident_kib()?.saturating_sub(before);
    println!("grown by {grown} KiB, allowed are {MOST_GROWN_KIB}");
    Ok(Verdict::of(grown <= MOST_GROWN_KIB))
}

/// One wrong login from each address; every one is the first from there, so none may be told to wait.
async fn fail(program: &Program, numbers: std::ops::Range<u32>) -> io::Result<()> {
    let next = Rc::new(Cell::new(numbers.start));
    let mut callers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (next, end) = (Rc::clone(&next), numbers.end);
        let mut caller = Caller::connect(program.address(), None).await?;
        callers.spawn_local(async move {
            while next.get() < end {
                let number = next.replace(next.get() + 1);
                let mut request = login("vietqr", "wrong");
                let address = HeaderValue::from_str(&address(number)).map_err(io::Error::other)?;
                request.headers_mut().insert("X-Forwarded-For", address);
                let (status, _) = caller.send(request).await?;
                if status != StatusCode::UNAUTHORIZED {
                    return Err(io::Error::other(format!("address {number} was answered {status}")));
                }
            }
            Ok(())
        });
    }
    callers.join_all().await.into_iter().collect()
}

/// Every other one is an IPv6 address with a /64 of its own.
fn address(number: u32) -> String {
    if number.is_multiple_of(2) {
        Ipv4Addr::from(0x0b00_0000 + number).to_string()
    } else {
        Ipv6Addr::from((0x2001_0db8_u128 << 96) + (u128::from(number) << 64) + 1).to_string()
    }
}

const ADDRESSES: u32 = 1_001_000;
const WARM_UP: u32 = 1_000;
const STEPS: u32 = 10;
const CONNECTIONS: usize = 16;
const MOST_GROWN_KIB: u64 = 16 << 10;
