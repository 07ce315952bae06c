//! Chromium without a window, spoken to over two pipes in the DevTools protocol: JSON texts that end with a zero byte.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// The browser while it runs. It is killed when this is dropped.
pub(crate) struct Browser {
    child: Child,
    asks: File,
    says: mpsc::Receiver<Value>,
    events: VecDeque<Value>,
    session: Option<String>,
    next: u64,
}

impl Browser {
    /// Starts `chromium` with a profile of its own in `folder`, and opens an empty page.
    ///
    /// # Errors
    /// It cannot be started or does not answer.
    pub(crate) fn start(chromium: &str, folder: &Path) -> io::Result<Self> {
        let (asks, says) = (folder.join("asks"), folder.join("says"));
        for pipe in [&asks, &says] {
            let made = Command::new("mkfifo").arg(pipe).status()?;
            if !made.success() {
                return Err(io::Error::other("no pipe"));
            }
        }
        // It reads from descriptor 3 and writes to descriptor 4, which only a shell opens without unsafe code.
        let line = r#"exec "$0" "$@" 3<"$ASKS" 4>"$SAYS""#;
        let mut command = Command::new("/bin/sh");
        command.args([
            "-c",
            line,
            chromium,
            "--headless=new",
            "--remote-debugging-pipe",
            "--disable-gpu",
            "--hide-scrollbars",
        ]);
        command.args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-sandbox",
        ]);
        command.arg(format!("--user-data-dir={}", folder.join("profile").display())).arg("about:blank");
        command.env("ASKS", &asks).env("SAYS", &says).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn()?;
        let asks = OpenOptions::new().write(true).open(asks)?;
        let (tell, heard) = mpsc::channel();
        let mut reading = BufReader::new(File::open(says)?);
        thread::spawn(move || {
            loop {
                let mut text = Vec::new();
                match reading.read_until(0, &mut text) {
                    Ok(length) if length > 0 => {}
                    _ => return,
                }
                text.pop();
                let Ok(value) = serde_json::from_slice(&text) else { return };
                if tell.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { child, asks, says: heard, events: VecDeque::new(), session: None, next: 0 };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", attach)?["sessionId"].as_str().map(str::to_owned);
        browser.session = session;
        for domain in ["Network.enable", "Page.enable", "Runtime.enable", "Log.enable"] {
            browser.ask(domain, json!({}))?;
        }
        Ok(browser)
    }

    /// Asks one thing and waits for the answer; what is said meanwhile is kept.
    ///
    /// # Errors
    /// It answers with an error, or not within half a minute.
    pub(crate) fn ask(&mut self, method: &str, parameters: Value) -> io::Result<Value> {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.asks.write_all(message.to_string().as_bytes())?;
        self.asks.write_all(b"\0")?;
        self.asks.flush()?;
        loop {
            let said =
                self.says.recv_timeout(PATIENCE).map_err(|_| io::Error::other(format!("no answer to {method}")))?;
            if said["id"] != self.next {
                self.events.push_back(said);
                continue;
            }
            return match said.get("error") {
                Some(error) => Err(io::Error::other(format!("{method}: {error}"))),
                None => Ok(said["result"].clone()),
            };
        }
    }

    /// What an expression comes to on the page.
    ///
    /// # Errors
    /// It throws, or the browser does not answer.
    pub(crate) fn evaluate(&mut self, expression: &str) -> io::Result<Value> {
        let result = self.ask(
            "Runtime.evaluate",
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        )?;
        match result.get("exceptionDetails") {
            Some(thrown) => Err(io::Error::other(format!("{expression} throws {thrown}"))),
            None => Ok(result["result"]["value"].clone()),
        }
    }

    /// Waits until an expression comes to `true`.
    ///
    /// # Errors
    /// It does not within half a minute.
    pub(crate) fn wait_for(&mut self, what: &str, expression: &str) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.evaluate(expression)? != true {
            if Instant::now() > end {
                return Err(io::Error::other(format!("waited in vain for {what}: {expression}")));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Everything it has said by itself so far.
    pub(crate) fn events(&mut self) -> Vec<Value> {
        self.events.extend(self.says.try_iter());
        self.events.iter().cloned().collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It is asked to go with all its processes and its last files; if it does not, it is made to.
        self.session = None;
        let _ = self.ask("Browser.close", json!({}));
        let end = Instant::now() + PATIENCE / 3;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
