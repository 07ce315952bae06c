//! Notices changed files and loads what depends on them; what does not load leaves the old value serving.
//!
//! Files are polled and compared by content. Kubernetes swaps a symlink in a mounted folder, which blinds inotify; content also tells a file
//! that was only touched from one that was changed.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use crate::log::{Level, Log};
use crate::manager::Manager;
use crate::metrics::Metrics;
use crate::metrics::label::{Label as _, Part};

/// Something that is loaded from files and can be loaded again.
pub trait Source {
    /// Why it could not be loaded, for the operator; never with a secret.
    type Fault: Display;

    /// What it is, for the log and for counting.
    fn part(&self) -> Part;

    /// The files and folders it is loaded from.
    fn files(&self) -> Vec<PathBuf>;

    /// Loads it and swaps it in as a whole, or leaves what is there.
    ///
    /// # Errors
    /// What is wrong with the files.
    fn load(&mut self) -> Result<(), Self::Fault>;
}

/// Loads each source once more and then whenever its files change: looks every two seconds, and at once on a nudge. Ends with the nudges' sender.
pub fn watch<S: Source>(sources: Vec<S>, nudges: &Receiver<()>, metrics: &Metrics, log: &Log, manager: &Manager) {
    let parts = sources.len();
    let mut watched: Vec<_> = sources.into_iter().map(Watched::new).collect();
    // Once without being asked: a file may have changed between the first load and now.
    let mut look = || watched.iter_mut().for_each(|watched| watched.look(metrics, log));
    look();
    log.line(Level::Debug, WATCHING).field("parts", parts).write();
    loop {
        match nudges.recv_timeout(POLL) {
            Ok(()) => {
                manager.reloading();
                look();
                // Also after a bad file: the old one goes on serving.
                manager.serving();
            }
            Err(RecvTimeoutError::Timeout) => look(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

struct Watched<S> {
    source: S,
    seen: Option<Vec<u8>>,
    failure: Option<String>,
}

impl<S: Source> Watched<S> {
    fn new(source: S) -> Self {
        Self { source, seen: None, failure: None }
    }

    /// Loads the source if its files are not what they were, or if it did not load the last time.
    fn look(&mut self, metrics: &Metrics, log: &Log) {
        // Taken before loading: a change during the load is seen the next time.
        let now = fingerprint(&self.source.files());
        let is_first = self.seen.is_none();
        let is_changed = self.seen.as_ref() != Some(&now);
        if !is_changed && self.failure.is_none() {
            return;
        }
        self.seen = Some(now);
        match self.load_settled() {
            Ok(()) => {
                self.failure = None;
                if !is_first {
                    metrics.reloaded(self.source.part(), None);
                    log.line(Level::Info, "reloaded").field("what", self.source.part().name()).write();
                }
            }
            Err(fault) => self.fail(fault.to_string(), metrics, log),
        }
    }

    /// Loads the source. What fails while the files still change is tried again when they have come to rest: a folder is swapped in
    /// several steps, and its names lead nowhere for a moment.
    fn load_settled(&mut self) -> Result<(), S::Fault> {
        let mut loaded = self.source.load();
        for _ in 0..MOST_STEPS {
            if loaded.is_ok() {
                break;
            }
            thread::sleep(STEP);
            let now = fingerprint(&self.source.files());
            if self.seen.as_ref() == Some(&now) {
                break;
            }
            self.seen = Some(now);
            loaded = self.source.load();
        }
        loaded
    }

    /// Says once what is wrong, and again when it is something else.
    fn fail(&mut self, failure: String, metrics: &Metrics, log: &Log) {
        if self.failure.as_ref() != Some(&failure) {
            metrics.reloaded(self.source.part(), Some(&failure));
            let line = log.line(Level::Error, "what has changed cannot be loaded; the old one goes on serving");
            line.field("what", self.source.part().name()).field("error", &failure).write();
        }
        self.failure = Some(failure);
    }
}

/// A digest of everything in these files and folders, and of what cannot be read and why.
fn fingerprint(files: &[PathBuf]) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    for file in files {
        if file.is_dir() { add_folder(&mut digest, file) } else { add(&mut digest, file, fs::read(file)) }
    }
    digest.finish().as_ref().to_vec()
}

fn add_folder(digest: &mut Context, folder: &Path) {
    let entries =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    match entries {
        Ok(mut files) => {
            files.sort();
            files.retain(|file| file.is_file());
            files.iter().for_each(|file| add(digest, file, fs::read(file)));
        }
        Err(error) => add(digest, folder, Err(error)),
    }
}

fn add(digest: &mut Context, path: &Path, content: io::Result<Vec<u8>>) {
    let (kind, content) = match content {
        Ok(content) => (b"content", content),
        Err(error) => (b"failure", error.kind().to_string().into_bytes()),
    };
    for part in [path.as_os_str().as_encoded_bytes(), kind, &content] {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part);
    }
}

/// From here on a change is a change, and is logged as one.
const WATCHING: &str = "watching files";
/// How often files are looked at.
const POLL: Duration = Duration::from_secs(2);

/// How long files that do not load are left alone before they are looked at again, and how often.
const STEP: Duration = Duration::from_millis(100);
const MOST_STEPS: usize = 10;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::log::{Format, Settings};

    struct Text {
        file: PathBuf,
        loaded: Vec<String>,
    }

    impl Source for Text {
        type Fault = String;

        fn part(&self) -> Part {
            Part::Clients
        }

        fn files(&self) -> Vec<PathBuf> {
            vec![self.file.clone()]
        }

        fn load(&mut self) -> Result<(), String> {
            let text = fs::read_to_string(&self.file).map_err(|error| error.kind().to_string())?;
            if text.is_empty() {
                return Err("is empty".to_owned());
            }
            self.loaded.push(text);
            Ok(())
        }
    }

    fn quiet() -> Log {
        Log::to(Settings { level: Level::Error, format: Format::Json }, io::sink())
    }

    #[test]
    fn a_source_is_loaded_when_its_content_changes_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("text");
        let mut watched = Watched::new(Text { file: file.clone(), loaded: Vec::new() });
        let (metrics, _) = Metrics::new(1);
        let mut step = |change: &dyn Fn(), loaded: &[&str], failure: Option<&str>| {
            change();
            watched.look(&metrics, &quiet());
            assert_eq!(watched.source.loaded, loaded);
            assert_eq!(watched.failure.as_deref(), failure);
            assert_eq!(metrics.failing(Part::Clients).as_deref(), failure);
        };
        let write = |text: &'static str| {
            let file = file.clone();
            move || fs::write(&file, text).unwrap()
        };
        step(&write("one"), &["one"], None);
        step(&|| {}, &["one"], None);
        step(&write("one"), &["one"], None);
        step(&write("two"), &["one", "two"], None);
        step(&write(""), &["one", "two"], Some("is empty"));
        step(&|| fs::remove_file(&file).unwrap(), &["one", "two"], Some("entity not found"));
        step(&write("two"), &["one", "two", "two"], None);
    }

    #[test]
    fn the_symlink_swap_of_kubernetes_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (version, text) in [("..1", "one"), ("..2", "two")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("text"), text).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/text", at("text")).unwrap();
        let (file, whole) = (vec![at("text")], vec![folder.path().to_owned()]);
        let before = (fingerprint(&file), fingerprint(&whole));
        symlink("..2", at("..new")).unwrap();
        fs::rename(at("..new"), at("..data")).unwrap();
        assert_ne!(fingerprint(&file), before.0);
        assert_ne!(fingerprint(&whole), before.1);
    }
}
