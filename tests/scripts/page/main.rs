//! Tries the status page in a browser: `tests/page.sh` runs it. Ends with 1 when a statement does not hold.
//!
//! Arguments: the built `bearergate`, Chromium, a folder for the profile and for screenshots.

#![expect(clippy::print_stdout, reason = "a script's findings go to its user")]

mod browser;

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use browser::Browser;
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let [_, program, chromium, folder] = &env::args().collect::<Vec<_>>()[..] else {
        return Err(io::Error::other("page PROGRAM CHROMIUM FOLDER"));
    };
    let folder = Path::new(folder);
    let gate = Gate::start(program)?;
    let mut browser = Browser::start(chromium, folder)?;
    loads(&mut browser, &gate)?;
    updates_by_itself(&mut browser, &gate)?;
    makes_text_of_hostile_names(&mut browser, &gate)?;
    fits_every_width(&mut browser, folder)?;
    says_when_the_gate_is_gone(&mut browser, gate)?;
    keeps_to_its_origin(&mut browser)?;
    Ok(())
}

fn loads(browser: &mut Browser, gate: &Gate) -> io::Result<()> {
    browser.ask("Page.navigate", json!({ "url": format!("http://{}/", gate.admin) }))?;
    browser.wait_for("the page to have asked", "document.getElementById('pulse')?.className === 'live'")?;
    browser.wait_for(
        "a verdict",
        "document.querySelector('#verdict h2')?.textContent.startsWith('Nothing has come in')",
    )?;
    browser.wait_for(
        "the version",
        &format!("document.getElementById('version').textContent.startsWith('version {}')", env!("CARGO_PKG_VERSION")),
    )?;
    browser.wait_for("six numbers", "document.querySelectorAll('.tile b').length === 6")?;
    browser.wait_for("settings", "document.querySelectorAll('#settings dt').length > 40")?;
    let secrets = browser.evaluate("document.body.textContent")?.to_string();
    holds(!secrets.contains(PASSWORD) && !secrets.contains(TOKEN_KEY), "it shows no secret")?;
    println!("ok: it loads");
    Ok(())
}

fn updates_by_itself(browser: &mut Browser, gate: &Gate) -> io::Result<()> {
    gate.request("POST /just-now HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    browser.wait_for("the refusal made just now", &format!("{CALLS}.includes('POST /just-now') && {CALLS}.includes('bearer_absent') && {CALLS}.includes('bearergate doctor')"))?;
    browser.wait_for("a bar in the plot", "document.querySelectorAll('#chart rect.refused').length > 0")?;
    browser.wait_for("the verdict", "document.querySelector('#verdict').className === 'warn'")?;
    let token = STANDARD.encode(format!("{USERNAME}:wrong"));
    gate.request(&format!("POST /api/token_generate HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {token}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))?;
    browser.wait_for("the failed login", &format!("{CALLS}.includes('wrong_credentials')"))?;
    println!("ok: it updates by itself and shows refusals made just now");
    Ok(())
}

/// A setting, a path with entities, and a certificate's names could all be somebody's markup.
fn makes_text_of_hostile_names(browser: &mut Browser, gate: &Gate) -> io::Result<()> {
    let path = "/&lt;img/src=x/onerror=document.title=1&gt;'{}";
    gate.request(&format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))?;
    browser.wait_for("the path, letter for letter", &format!("{CALLS}.includes({})", Value::from(path)))?;
    browser.wait_for(
        "the setting, letter for letter",
        &format!("document.getElementById('settings').textContent.includes({})", Value::from(HOSTILE)),
    )?;
    let elements =
        browser.evaluate("document.querySelectorAll('img, iframe, object, embed, script, style, link').length")?;
    holds(elements == 3, "there is one script, one style, one icon, and nothing made of text")?;
    holds(browser.evaluate("document.title.includes('taken')")? == false, "no script of a stranger has run")?;
    let made = browser.evaluate("(() => { try { document.body.insertAdjacentHTML('beforeend', '<b>'); return 'made'; } catch { return 'refused'; } })()")?;
    holds(made == "refused", "the policy lets nobody make markup of text")?;
    println!("ok: it makes text of hostile names");
    Ok(())
}

fn fits_every_width(browser: &mut Browser, folder: &Path) -> io::Result<()> {
    for (name, width, scheme) in [
        ("light", 1200, "light"),
        ("dark", 1200, "dark"),
        ("tablet", 768, "light"),
        ("phone", 390, "dark"),
        ("small", 320, "light"),
    ] {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        browser.ask("Emulation.setDeviceMetricsOverride", size)?;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.ask("Emulation.setEmulatedMedia", media)?;
        let wide = browser.evaluate("document.documentElement.scrollWidth")?;
        holds(
            wide.as_u64().is_some_and(|wide| wide <= width),
            &format!("nothing sticks out at {width} pixels: {wide}"),
        )?;
        let ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")?.to_string();
        holds(ground.contains("245, 246, 247") == (scheme == "light"), &format!("{scheme} is {scheme}: {ground}"))?;
        let shot = browser.ask("Page.captureScreenshot", json!({ "captureBeyondViewport": true }))?;
        let png = STANDARD.decode(shot["data"].as_str().unwrap_or_default()).map_err(io::Error::other)?;
        fs::write(folder.join(format!("{name}.png")), png)?;
    }
    println!("ok: it fits 320 to 1200 pixels, light and dark");
    Ok(())
}

fn says_when_the_gate_is_gone(browser: &mut Browser, gate: Gate) -> io::Result<()> {
    drop(gate);
    browser.wait_for("word that nobody answers", "document.getElementById('pulse')?.className === 'lost'")?;
    println!("ok: it says when the gate is gone");
    Ok(())
}

/// Everything that the page has asked for from the beginning.
fn keeps_to_its_origin(browser: &mut Browser) -> io::Result<()> {
    let events = browser.events();
    let asked = events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
    let urls: Vec<&str> = asked.filter_map(|event| event["params"]["request"]["url"].as_str()).collect();
    let origin = urls.first().copied().unwrap_or_default();
    let strangers: Vec<_> = urls.iter().filter(|url| !url.starts_with(origin) && !url.starts_with("data:")).collect();
    holds(urls.len() > 3 && strangers.is_empty(), &format!("no request leaves the origin: {strangers:?}"))?;
    let thrown: Vec<_> = events.iter().filter(|event| event["method"] == "Runtime.exceptionThrown").collect();
    holds(thrown.is_empty(), &format!("the script throws nothing: {thrown:?}"))?;
    println!("ok: {} requests, none of them outside its origin", urls.len());
    Ok(())
}

fn holds(statement: bool, what: &str) -> io::Result<()> {
    if statement { Ok(()) } else { Err(io::Error::other(format!("this does not hold: {what}"))) }
}

/// The gate, in the clear. It is killed when this is dropped.
struct Gate {
    child: Child,
    callers: String,
    admin: String,
}

impl Gate {
    fn start(program: &str) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.env_clear().stdout(Stdio::piped()).stderr(Stdio::inherit());
        for (name, value) in [
            ("UPSTREAM_URL", "http://127.0.0.1:1"),
            ("LISTEN", "127.0.0.1:0"),
            ("ADMIN_LISTEN", "127.0.0.1:0"),
            ("TLS", "off"),
            ("CLIENT_USERNAME", USERNAME),
            ("CLIENT_PASSWORD", PASSWORD),
            ("TOKEN_KEY", TOKEN_KEY),
            ("TOKEN_ISSUER", HOSTILE),
            ("LOG_FORMAT", "json"),
        ] {
            command.env(format!("BEARERGATE_{name}"), value);
        }
        let upstream = std::net::TcpListener::bind("127.0.0.1:0")?;
        command.env("BEARERGATE_UPSTREAM_URL", format!("http://{}", upstream.local_addr()?));
        // It takes connections and says nothing, which is enough to be up.
        thread::spawn(move || upstream.incoming().for_each(drop));
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let serving = lines.find(|line| line.contains(r#""message":"serving""#)).unwrap_or_default();
        let serving: Value = serde_json::from_str(&serving).unwrap_or_default();
        let address =
            |name: &str| serving[name].as_str().map(str::to_owned).ok_or_else(|| io::Error::other("it does not serve"));
        let (callers, admin) = (address("address")?, address("admin")?);
        // A full pipe would cost it log lines.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, callers, admin })
    }

    fn request(&self, text: &str) -> io::Result<()> {
        let mut stream = TcpStream::connect(&self.callers)?;
        stream.write_all(text.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        holds(answer.starts_with(b"HTTP/1.1 4"), &format!("refused: {}", String::from_utf8_lossy(&answer)))
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const USERNAME: &str = "vietqr-live";
const PASSWORD: &str = "planted-password-7f3a";
const TOKEN_KEY: &str = "planted-key-0123456789-0123456789-0123456789";
/// It would put a word into the title.
const HOSTILE: &str = "<img src=x onerror=\"document.title='taken'\">";
const CALLS: &str = "document.getElementById('refused').textContent";
