//! Loads the files that variables name: secrets and PEM. What is in them is for others to judge.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::{Zeroize as _, Zeroizing};

use super::problems::Problem;

/// Loads the secret that the file at `path` holds: UTF-8, exactly one final LF or CRLF dropped, not empty then.
///
/// # Errors
/// A problem of `variable` that names the file and never its content.
pub(super) fn secret(variable: &str, path: &Path) -> Result<Zeroizing<String>, Problem> {
    let mut bytes = bytes(variable, path)?;
    let mut text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| {
        error.into_bytes().zeroize();
        Problem::new(variable, format!("names {}, which is not UTF-8", shown(path)), "write it as UTF-8 text")
    })?;
    let kept = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text).len();
    text.truncate(kept);
    if text.is_empty() {
        let what = format!("names {}, which is empty", shown(path));
        return Err(Problem::new(variable, what, "put the secret into it"));
    }
    Ok(Zeroizing::new(text))
}

/// Loads a file of at most 1 MiB.
///
/// # Errors
/// A problem of `variable` that names the file and why it cannot be read.
pub(super) fn bytes(variable: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let bytes = File::open(path).and_then(read).map_err(|error| unreadable(variable, path, &error))?;
    if bytes.len() > LARGEST {
        let what = format!("names {}, which is larger than 1 MiB", shown(path));
        return Err(Problem::new(variable, what, "name the right file"));
    }
    Ok(bytes)
}

/// At most [`LARGEST`] bytes of a file and one more.
///
/// No buffer ever grows, for that would leave copies of the secret behind: what turns out longer than it said, as a pipe does, goes on in one
/// that has room for all. Memory that is written stays with the process, so it is not the largest from the start.
fn read(mut file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let length = usize::try_from(file.metadata()?.len()).map_or(LARGEST, |length| length.min(LARGEST));
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    file.by_ref().take(length as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() <= length {
        return Ok(bytes);
    }
    let mut whole = Zeroizing::new(Vec::with_capacity(LARGEST + 1));
    whole.extend_from_slice(&bytes);
    file.take((LARGEST + 1 - bytes.len()) as u64).read_to_end(&mut whole)?;
    Ok(whole)
}

/// A file or folder that cannot be read.
pub(super) fn unreadable(variable: &str, path: &Path, error: &io::Error) -> Problem {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => format!("let this process read it: {}", rights(path)),
        io::ErrorKind::NotFound => "name a file that is there".to_owned(),
        _ => "name a file that can be read".to_owned(),
    };
    Problem::new(variable, format!("names {}, which cannot be read: {error}", shown(path)), remedy)
}

/// Who this process is, and whom the file lets in, or the folder that hides it.
fn rights(path: &Path) -> String {
    let mut text = match fs::metadata("/proc/self") {
        Ok(process) => format!("it runs as user id {}, group id {}", process.uid(), process.gid()),
        Err(_) => "it runs as another user".to_owned(),
    };
    let barrier = path.ancestors().find_map(|place| fs::metadata(place).ok().map(|found| (place, found)));
    if let Some((place, found)) = barrier {
        let (mode, user, group) = (found.mode() & 0o7777, found.uid(), found.gid());
        let _ = write!(text, ", and {} has mode {mode:04o}, user id {user}, group id {group}", shown(place));
    }
    text
}

/// The path, unless it may be a secret or a key that somebody put where its path belongs.
pub(super) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_path = ["/", "./", "../"].iter().any(|start| text.starts_with(start));
    if is_path && text.len() <= 1024 && !text.contains(char::is_whitespace) {
        return format!("{text:?}");
    }
    "a file (not shown: begin a path with / or ./)".to_owned()
}

const LARGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn loaded(content: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("a directory for the test");
        let path = folder.path().join("secret");
        fs::write(&path, content).expect("the file is written");
        match secret("BEARERGATE_A_FILE", &path) {
            Ok(text) => Ok((*text).clone()),
            Err(problem) => Err(problem.what().replace(&*path.to_string_lossy(), "PATH")),
        }
    }

    #[test]
    fn exactly_one_final_line_end_is_dropped() {
        for (content, secret) in [
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a\r", "a\r"),
            ("a \n", "a "),
            ("\na\n", "\na"),
        ] {
            assert_eq!(loaded(content.as_bytes()).as_deref(), Ok(secret), "{content:?}");
        }
    }

    #[test]
    fn a_pipe_that_does_not_say_how_long_it_is_is_read_whole() {
        for length in [1, 2, 5000, LARGEST] {
            let (reader, mut writer) = io::pipe().expect("a pipe");
            let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
            let writes = std::thread::spawn(move || io::Write::write_all(&mut writer, &vec![b'a'; length]));
            let read = bytes("BEARERGATE_A_FILE", Path::new(&path)).expect("it can be read").len();
            writes.join().expect("no panic").expect("it is read to its end");
            assert_eq!(read, length);
        }
    }

    #[test]
    fn a_file_without_a_secret_is_a_problem_that_names_it() {
        let rows: [(&[u8], &str); 4] = [
            (b"", "names \"PATH\", which is empty"),
            (b"\n", "names \"PATH\", which is empty"),
            (b"\xff\xfe", "names \"PATH\", which is not UTF-8"),
            (&[b'a'; LARGEST + 1], "names \"PATH\", which is larger than 1 MiB"),
        ];
        for (content, what) in rows {
            assert_eq!(loaded(content), Err(what.to_owned()));
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_the_error() {
        let problem = secret("BEARERGATE_A_FILE", Path::new("/nowhere/key")).err().map(|problem| problem.to_string());
        let expected = "BEARERGATE_A_FILE names \"/nowhere/key\", which cannot be read: \
                        No such file or directory (os error 2); name a file that is there";
        assert_eq!(problem.as_deref(), Some(expected));
    }

    #[test]
    fn a_file_that_may_not_be_read_is_named_with_its_mode_and_owner_and_who_we_are() {
        let folder = tempfile::tempdir().expect("a directory for the test");
        let path = folder.path().join("key");
        fs::write(&path, "a").expect("the file is written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("the mode is set");
        let (own, process) = (fs::metadata(&path).expect("it is there"), fs::metadata("/proc/self").expect("we are"));
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let problem = unreadable("BEARERGATE_A_FILE", &path, &denied);
        let expected = format!(
            "let this process read it: it runs as user id {}, group id {}, and {path:?} has mode 0640, user id {}, group id {}",
            process.uid(),
            process.gid(),
            own.uid(),
            own.gid()
        );
        assert_eq!(problem.remedy(), expected);
        // Behind a folder that lets nobody in, only the folder can be asked.
        let hidden = rights(&folder.path().join("gone/key"));
        assert!(hidden.contains(&format!("{:?} has mode", folder.path())), "{hidden}");
    }

    #[test]
    fn a_secret_in_place_of_its_path_is_not_repeated() {
        for pasted in ["f3b1c0de00000000000000000000000000000000", "-----BEGIN PRIVATE KEY-----\nMIGH"] {
            let problem = secret("BEARERGATE_A_FILE", Path::new(pasted)).err().map(|problem| problem.to_string());
            assert!(problem.is_some_and(|text| !text.contains(pasted) && !text.contains("MIGH")), "{pasted}");
        }
    }
}
