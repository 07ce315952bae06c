//! The built program as a process of its own: no inherited variables, its streams caught, its end awaited.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use serde_json::Value;

use super::{
    DEADLINE, Raw, RequestText, Response,
    ca::Ca,
    captured::Captured,
    sidecar::{PASSWORD, USERNAME},
    wait_until,
};

/// A command that is being put together.
pub(crate) struct Program {
    arguments: Vec<String>,
    vars: BTreeMap<String, String>,
    shell: Option<String>,
    directory: Option<PathBuf>,
    input: Vec<u8>,
    output: Option<Stdio>,
}

impl Program {
    /// `bearergate` with these arguments and not one variable.
    pub(crate) fn with<const N: usize>(arguments: [&str; N]) -> Self {
        Self::with_all(&arguments)
    }

    /// The same, for a row of a table.
    pub(crate) fn with_all(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { arguments, vars: BTreeMap::new(), shell: None, directory: None, input: Vec::new(), output: None }
    }

    /// Sets a variable, named without `BEARERGATE_`.
    pub(crate) fn var(mut self, name: &str, value: impl Into<String>) -> Self {
        self.vars.insert(name.to_owned(), value.into());
        self
    }

    /// Takes a variable away, named without `BEARERGATE_`.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.vars.remove(name);
        self
    }

    /// Sets all these variables, named without `BEARERGATE_`.
    pub(crate) fn vars(mut self, vars: &BTreeMap<String, String>) -> Self {
        self.vars.extend(vars.clone());
        self
    }

    /// Starts it by this line of shell, which says `exec "$0" "$@"` where the program is to begin.
    pub(crate) fn by_shell(self, line: &str) -> Self {
        Self { shell: Some(line.to_owned()), ..self }
    }

    /// Starts it in this directory.
    pub(crate) fn in_directory(self, directory: &Path) -> Self {
        Self { directory: Some(directory.to_owned()), ..self }
    }

    /// Gives it this to read.
    pub(crate) fn input(self, bytes: impl AsRef<[u8]>) -> Self {
        Self { input: bytes.as_ref().to_vec(), ..self }
    }

    /// Gives it this standard output, which is then not caught.
    pub(crate) fn output_to(self, output: impl Into<Stdio>) -> Self {
        Self { output: Some(output.into()), ..self }
    }

    /// Runs it to its end.
    pub(crate) async fn run(self) -> Said {
        let mut running = self.start();
        let code = running.exit().await;
        Said { code, out: running.out.text(), err: running.err.text() }
    }

    /// Starts it, and returns at once.
    pub(crate) fn start(self) -> Running {
        let program = env!("CARGO_BIN_EXE_bearergate");
        let mut command = match &self.shell {
            Some(line) => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", line, program]);
                command
            }
            None => Command::new(program),
        };
        command.args(&self.arguments).env_clear();
        command.envs(self.vars.iter().map(|(name, value)| (format!("BEARERGATE_{name}"), value)));
        command.stdin(Stdio::piped()).stdout(self.output.unwrap_or_else(Stdio::piped)).stderr(Stdio::piped());
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let mut child = command.spawn().unwrap_or_else(|fault| panic!("the program cannot be started: {fault}"));
        // What does not read its input may have gone before this is written.
        let _ = child.stdin.take().map(|mut input| input.write_all(&self.input));
        let (out, err) = (Caught::from(child.stdout.take()), Caught::from(child.stderr.take()));
        Running { child, out, err, ended: None }
    }
}

/// What a program said and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// A program that runs. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    out: Caught,
    err: Caught,
    ended: Option<ExitStatus>,
}

impl Running {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output so far.
    pub(crate) fn out(&self) -> String {
        self.out.lines.text()
    }

    /// Its standard error so far.
    pub(crate) fn err(&self) -> String {
        self.err.lines.text()
    }

    /// The lines of JSON that it wrote to standard output so far.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        self.out.lines.lines()
    }

    /// The first line of its log for which `wanted` holds, now or later.
    pub(crate) async fn wait_for_log(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.out.lines.wait_for(what, wanted).await
    }

    /// Where it serves, by its own log.
    pub(crate) async fn address(&self) -> SocketAddr {
        let line = self.wait_for_log("the address it serves", |line| line["message"] == "serving").await;
        let address = line["address"].as_str().unwrap_or_default();
        address.parse().unwrap_or_else(|fault| panic!("{address:?} is not an address: {fault}"))
    }

    /// Where it serves on 127.0.0.1, by the kernel's table of sockets: for a program whose log nobody hears.
    pub(crate) async fn address_by_kernel(&self) -> SocketAddr {
        let mut port = None;
        wait_until("the program to listen", || {
            port = listening_port(self.id());
            port.is_some()
        })
        .await;
        (Ipv4Addr::LOCALHOST, port.expect("the wait ends with a port")).into()
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Stops it until it is sent `CONT`; not one of its threads runs when this returns.
    pub(crate) async fn halt(&self) {
        self.signal("STOP");
        let is_halted = |thread: &fs::DirEntry| fields(&thread.path()).first().is_some_and(|state| state == "T");
        let threads = format!("/proc/{}/task", self.id());
        wait_until("every thread to stop", || {
            fs::read_dir(&threads).expect("the program is there").flatten().all(|thread| is_halted(&thread))
        })
        .await;
    }

    /// Has it ended?
    pub(crate) fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be waited for");
        }
        self.ended.is_some()
    }

    /// Waits until it has ended, and gives its exit code.
    pub(crate) async fn exit(&mut self) -> i32 {
        wait_until("the program to end and its streams to close", || {
            self.has_ended() && self.out.is_whole() && self.err.is_whole()
        })
        .await;
        let status = self.ended.expect("the wait ends with a status");
        status.code().unwrap_or_else(|| panic!("the program did not end by itself: {status}\n{}", self.err()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(id: u32, name: &str) {
    let sent = Command::new("/bin/sh").args(["-c", &format!("kill -s {name} {id}")]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the signal {name} could not be sent");
}

/// The children of a process.
pub(crate) fn children(id: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("Linux has /proc").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|each| stat(*each).get(1).is_some_and(|parent| *parent == id.to_string())).collect()
}

/// The processor time that a process has used so far, in ticks of 10 ms.
pub(crate) fn processor_ticks(id: u32) -> u64 {
    let stat = stat(id);
    let number = |at: usize| stat[at].parse::<u64>().expect("the kernel writes numbers");
    number(11) + number(12)
}

fn stat(id: u32) -> Vec<String> {
    fields(Path::new(&format!("/proc/{id}")))
}

/// The fields of the `stat` of a process or thread from the state on: the name before it may hold blanks.
fn fields(task: &Path) -> Vec<String> {
    let text = fs::read_to_string(task.join("stat")).unwrap_or_default();
    let fields = text.rsplit(") ").next().unwrap_or_default();
    fields.split_whitespace().map(str::to_owned).collect()
}

fn listening_port(id: u32) -> Option<u16> {
    let links = fs::read_dir(format!("/proc/{id}/fd")).ok()?.flatten();
    let links: Vec<_> = links.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let is_own = *state == LISTEN && links.contains(&PathBuf::from(format!("socket:[{inode}]")));
        is_own.then(|| u16::from_str_radix(local.rsplit(':').next()?, 16).ok())?
    })
}

/// A stream that a thread reads to its end.
struct Caught {
    lines: Captured,
    thread: Option<thread::JoinHandle<()>>,
}

impl Caught {
    fn from(stream: Option<impl io::Read + Send + 'static>) -> Self {
        let lines = Captured::new();
        let mut sink = lines.clone();
        let mut reading = move |mut stream| {
            io::copy(&mut stream, &mut sink).unwrap_or_else(|fault| panic!("a pipe cannot be read: {fault}"));
        };
        Self { lines, thread: stream.map(|stream| thread::spawn(move || reading(stream))) }
    }

    fn text(&self) -> String {
        self.lines.text()
    }

    fn is_whole(&self) -> bool {
        self.thread.as_ref().is_none_or(thread::JoinHandle::is_finished)
    }
}

/// Somebody who calls a program at this address.
pub(crate) struct Caller {
    address: SocketAddr,
    tls: Option<super::ClientTls>,
}

impl Caller {
    /// A caller that trusts the kit's shared authority.
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self { address, tls: Some(Ca::shared().client()) }
    }

    /// A caller of a program with another certificate.
    pub(crate) fn trusting(address: SocketAddr, tls: super::ClientTls) -> Self {
        Self { address, tls: Some(tls) }
    }

    /// A caller of a program that serves plain HTTP.
    pub(crate) fn in_clear(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// A new connection, without ALPN.
    pub(crate) async fn connect(&self) -> Raw {
        match &self.tls {
            Some(tls) => Raw::tls(self.address, tls).await,
            None => Raw::plain(self.address).await,
        }
    }

    /// Is nobody listening there any more?
    pub(crate) fn is_refused(&self) -> bool {
        let tried = std::net::TcpStream::connect_timeout(&self.address, DEADLINE);
        tried.is_err_and(|fault| fault.kind() == io::ErrorKind::ConnectionRefused)
    }

    /// Sends one request over a connection of its own and reads the response.
    pub(crate) async fn exchange(&self, request: RequestText) -> Response {
        let mut raw = self.connect().await;
        raw.write(request.bytes()).await;
        raw.read_response().await
    }

    /// Asks for a token with these credentials.
    pub(crate) async fn ask_token(&self, username: &str, password: &str) -> Response {
        self.exchange(RequestText::new("POST", "/api/token_generate").basic(username, password)).await
    }

    /// A new token of the kit's client.
    pub(crate) async fn token(&self) -> String {
        let response = self.ask_token(USERNAME, PASSWORD).await;
        assert_eq!(response.status(), 200, "no token: {response:?}");
        response.json()["access_token"].as_str().unwrap_or_default().to_owned()
    }
}

/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";
