//! The commands: arguments to a command, its result to the streams and an exit code. Nothing below this floor prints.
//!
//! What a program reads (a key, a table, a hash) goes to standard output, what a person reads beside it to standard error.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::auth::accounts::ClientName;
use crate::auth::keyring::Algorithm;
use crate::config::{Config, Machine, Problems, Vars};

mod check;
mod demo;
mod doctor;
mod drain;
mod hash_password;
mod health;
mod init;
mod new_client;
mod new_key;
mod run;
mod simulate;
mod target;
mod vars;

/// Runs the command that the process's arguments ask for.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and the version come here too, with 0; a stream that is closed has nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { Exit::WrongArguments } else { Exit::Done }.into();
        }
    };
    let exit = match arguments.command.unwrap_or(Command::Run) {
        Command::Run => run::run(),
        Command::Demo(wishes) => demo::demo(&wishes),
        Command::Check => check::check(),
        Command::Doctor(wishes) => doctor::doctor(&wishes),
        Command::Drain { pid } => drain::drain(pid),
        Command::Health(wishes) => health::health(&wishes),
        Command::Vars { format } => vars::vars(format),
        Command::HashPassword => hash_password::hash_password(),
        Command::NewKey { alg } => new_key::new_key(alg.into()),
        Command::Init(wishes) => init::init(&wishes),
        Command::Simulate(wishes) => simulate::simulate(&wishes),
        Command::NewClient { name, fixed } => new_client::new_client(&name, fixed.into()),
    };
    exit.into()
}

/// The gate in front of a VietQR partner API: issues the token, checks the bearer, streams the rest to the untouched upstream
#[derive(Parser)]
#[command(name = "bearergate", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve; the same as no command at all
    Run,
    /// Serve with a throw-away certificate, key and client and a sample upstream; prints curl commands to try it
    Demo(demo::Wishes),
    /// Read the variables, load every file, report every problem
    Check,
    /// Play the payment network against a running endpoint, anybody's, and say what it would make of it
    Doctor(Box<doctor::Wishes>),
    /// Have the running instance of this user finish what runs; returns when nothing is in flight (a container's preStop hook)
    Drain {
        /// Which, when several are running
        #[arg(long)]
        pid: Option<u32>,
    },
    /// Ask the running gate whether it is ready, or alive: 0 if so, 1 otherwise; reads BEARERGATE_ADMIN_LISTEN alone
    Health(health::Wishes),
    /// Deliver invented payments as the payment network does, with its retry clock, and count what becomes of each
    Simulate(simulate::Wishes),
    /// Print the table of variables
    Vars {
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: vars::TableFormat,
    },
    /// Make a ready folder: key, client, certificate for trying, variables, and the one page to hand to the network
    Init(init::Wishes),
    /// Read a password from standard input and print its argon2id line
    HashPassword,
    /// Print a new key that signs tokens
    NewKey {
        /// What the key signs with
        #[arg(long, value_enum, default_value_t)]
        alg: KeyAlgorithm,
    },
    /// Make a user name and a strong password, or a fixed token; the secret is shown only once
    NewClient {
        /// The user name: 1 to 64 of A-Z a-z 0-9 . _ @ -
        #[arg(value_parser = ClientName::parse)]
        name: ClientName,
        /// Make a bearer token that never changes instead, for a caller that cannot ask for one
        #[arg(long = "static")]
        fixed: bool,
    },
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum KeyAlgorithm {
    #[default]
    Hs256,
    Es256,
    #[value(name = "eddsa")]
    EdDsa,
}

impl From<KeyAlgorithm> for Algorithm {
    fn from(algorithm: KeyAlgorithm) -> Self {
        match algorithm {
            KeyAlgorithm::Hs256 => Self::Hs256,
            KeyAlgorithm::Es256 => Self::Es256,
            KeyAlgorithm::EdDsa => Self::EdDsa,
        }
    }
}

/// How a command ended. The numbers are the contract's, section 6; 78 is `EX_CONFIG` of sysexits.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Done = 0,
    Failed = 1,
    WrongArguments = 2,
    WrongConfiguration = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The configuration of this process: its environment, on this machine.
fn read_config() -> Result<Config, Problems> {
    Config::from_vars(Vars::from_pairs(env::vars_os()), &Machine::detect())
}

/// Reports the problems. Somebody who has not set anything yet is shown the way in.
fn report(problems: &Problems) -> Exit {
    say(&problems.to_string());
    if problems.something_is_missing() {
        say("to see it work without any of this: bearergate demo");
    }
    Exit::WrongConfiguration
}

/// Writes lines to standard output. A reader that has seen enough, such as `head`, is no failure.
fn print(lines: &str) -> Exit {
    let mut output = io::stdout().lock();
    match writeln!(output, "{lines}").and_then(|()| output.flush()) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => {
            say(&format!("bearergate: standard output cannot be written: {error}"));
            Exit::Failed
        }
    }
}

/// Writes lines for a person to standard error; where that is closed there is nobody to tell.
fn say(lines: &str) {
    let _ = writeln!(io::stderr().lock(), "{lines}");
}

const AFTER_HELP: &str =
    "Settings are environment variables: see `bearergate vars`. Without any of them, try `bearergate demo`.
Exit codes: 0 done, 1 failed while running, 2 wrong arguments, 78 wrong configuration.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn each_command_of_this_version_is_understood() {
        for arguments in [
            &[][..],
            &["run"],
            &["demo"],
            &["check"],
            &["doctor", "https://a.vn"],
            &["doctor", "https://a.vn", "--username", "u", "--password-file", "p", "--ca-file", "c", "--send-sample"],
            &["doctor", "https://a.vn/vqr", "--resolve", "a.vn:443:127.0.0.1", "--format", "json", "--within", "30s"],
            &["drain"],
            &["drain", "--pid", "1"],
            &["health"],
            &["health", "--live"],
            &["simulate", "https://localhost:8443", "--username", "vietqr"],
            &[
                "simulate",
                "https://localhost/vqr",
                "--username",
                "vietqr",
                "--rate",
                "200/s",
                "--for",
                "60s",
                "--time-scale",
                "0.1",
            ],
            &["vars"],
            &["vars", "--format", "markdown"],
            &["vars", "--format", "json"],
            &["hash-password"],
            &["init", "gate"],
            &["init", "gate", "--for", "kubernetes", "--url", "https://pay.example.com/vqr", "--username", "vietqr"],
            &["new-key"],
            &["new-key", "--alg", "es256"],
            &["new-key", "--alg", "eddsa"],
            &["new-client", "vietqr-live"],
            &["new-client", "vietqr-live", "--static"],
        ] {
            let parsed = Arguments::try_parse_from(["bearergate"].iter().chain(arguments));
            assert!(parsed.is_ok(), "{arguments:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (arguments, kind) in [
            (&["serve"][..], ErrorKind::InvalidSubcommand),
            (&["check", "now"], ErrorKind::UnknownArgument),
            (&["doctor"], ErrorKind::MissingRequiredArgument),
            (&["doctor", "https://a.vn", "--password", "p"], ErrorKind::UnknownArgument),
            (&["doctor", "https://a.vn", "--send-sample"], ErrorKind::MissingRequiredArgument),
            (&["doctor", "https://a.vn", "--resolve", "a.vn"], ErrorKind::ValueValidation),
            (&["doctor", "https://a.vn", "--within", "5"], ErrorKind::ValueValidation),
            (&["drain", "1"], ErrorKind::UnknownArgument),
            (&["simulate", "https://localhost"], ErrorKind::MissingRequiredArgument),
            (&["simulate", "https://localhost", "--username", "a", "--time-scale", "0"], ErrorKind::ValueValidation),
            (&["vars", "--format", "xml"], ErrorKind::InvalidValue),
            (&["init"], ErrorKind::MissingRequiredArgument),
            (&["init", "gate", "--for", "nomad"], ErrorKind::InvalidValue),
            (&["new-key", "--alg", "none"], ErrorKind::InvalidValue),
            (&["new-client"], ErrorKind::MissingRequiredArgument),
            (&["new-client", "a:b"], ErrorKind::ValueValidation),
            (&["new-client", "a b"], ErrorKind::ValueValidation),
            (&["--version"], ErrorKind::DisplayVersion),
        ] {
            let parsed = Arguments::try_parse_from(["bearergate"].iter().chain(arguments));
            assert_eq!(parsed.err().map(|error| error.kind()), Some(kind), "{arguments:?}");
        }
    }
}
