//! The payment network as a caller: where it calls, how it connects, what it sends, how it takes the answers, and when it tries again.
//!
//! For the commands that play it. Source of every number and name: vietqr-caller, the network's public documentation and its published server
//! code (Spring WebClient 5.2.9, reactor-netty 0.9.12, Java 8; state of October 2024). What a play adds is a bound on everything: the
//! network itself waits for ever.

use std::time::Duration;

mod connection;
mod delivery;
mod endpoint;
mod exchange;
mod handshake;
mod inflate;
mod judgement;
mod roots;

pub use connection::{Connection, Pace, Unreached};
pub use delivery::Payment;
pub use endpoint::{Endpoint, EndpointFault, Paths, Resolve, ResolveFault, Scheme};
pub use exchange::{Answer, Bearer, Bounds, Broken, Ending, Login, TokenBody, delivery, delivery_at, token_request};
pub use handshake::{Tls, TlsVersion};
pub use judgement::{Ground, Judgement, TokenStep, TokenWant, judge_delivery, judge_token};
pub use roots::{Roots, RootsFault};

/// When a delivery is tried, counted from the first time. After the last the notice is lost. `Retry-After` is never read.
pub const ATTEMPTS: [Duration; 10] = [
    Duration::from_secs(0),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(6),
    Duration::from_secs(10),
    Duration::from_secs(70),
    Duration::from_secs(130),
    Duration::from_secs(190),
    Duration::from_secs(250),
    Duration::from_secs(310),
];

/// After which a delivery without an answer is cut off by the network.
pub const LONGEST_WAIT: Duration = Duration::from_secs(700);

/// The answer to a delivery is stored in a column of so many characters.
pub const COLUMN: usize = 255;

/// Where tokens are asked for, below the base path, unless it was registered otherwise.
pub const TOKEN_PATH: &str = "/api/token_generate";

/// Where payments are delivered, below the base path, unless it was registered otherwise.
pub const SYNC_PATH: &str = "/bank/api/transaction-sync";
