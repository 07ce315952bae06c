//! A new folder and what goes into it: nothing is ever overwritten.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{self, Path, PathBuf};

use zeroize::Zeroizing;

/// A file that is to be made.
pub(super) struct NewFile {
    /// Its path below the folder.
    pub(super) path: &'static str,
    /// What is in it.
    pub(super) content: Zeroizing<String>,
    /// Who may read it.
    pub(super) reader: Reader,
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Its owner alone: mode 0600.
    Owner,
    /// Everybody who gets into the folder: mode 0644.
    Everybody,
}

/// Why there is no folder now.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderFault {
    /// There is something in it.
    #[error("{0} is not empty; name a new folder: nothing is ever overwritten")]
    NotEmpty(PathBuf),
    /// Its path could not stand in every file as it is.
    #[error(
        "{0} cannot stand unquoted in an env file; choose a folder whose path has only letters, digits and - . _ ~ / + @"
    )]
    OddPath(PathBuf),
    /// Something in it is not to be had.
    #[error("{0} cannot be made: {1}")]
    NotMade(PathBuf, #[source] io::Error),
}

/// A folder that was empty, mode 0700.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a folder, or takes an empty one.
    ///
    /// # Errors
    /// [`FolderFault`].
    pub(super) fn new(path: &Path) -> Result<Self, FolderFault> {
        let not_made = |error| FolderFault::NotMade(path.to_owned(), error);
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/+@".contains(&byte));
        let whole = path::absolute(path).map_err(not_made)?;
        if !whole.to_str().is_some_and(plain) {
            return Err(FolderFault::OddPath(whole));
        }
        match fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(FolderFault::NotEmpty(path.to_owned()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(not_made)?;
            }
            Err(error) => return Err(not_made(error)),
        }
        let path = fs::canonicalize(path).map_err(not_made)?;
        // Links may lead to a path of another kind.
        if !path.to_str().is_some_and(plain) {
            return Err(FolderFault::OddPath(path));
        }
        fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(not_made)?;
        Ok(Self { path })
    }

    /// Its whole path, plain ASCII.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the files and the folders below that they are in.
    ///
    /// # Errors
    /// [`FolderFault::NotMade`]; what was made before stays.
    pub(super) fn fill(&self, files: &[NewFile]) -> Result<(), FolderFault> {
        files.iter().try_for_each(|file| {
            let path = self.path.join(file.path);
            self.make(file, &path).map_err(|error| FolderFault::NotMade(path.clone(), error))
        })
    }

    fn make(&self, file: &NewFile, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            DirBuilder::new().mode(0o700).create(folder)?;
        }
        let mode = match file.reader {
            Reader::Owner => 0o600,
            Reader::Everybody => 0o644,
        };
        let mut made: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        made.write_all(file.content.as_bytes())
    }

    /// Gives what is in these folders, and the folders, to another user and group of the same number.
    ///
    /// # Errors
    /// [`FolderFault::NotMade`]: only root may.
    pub(super) fn give(&self, below: &[&str], id: u32) -> Result<(), FolderFault> {
        for folder in below.iter().map(|folder| self.path.join(folder)) {
            let give = |path: &Path| chown(path, Some(id), Some(id));
            let all = || fs::read_dir(&folder)?.try_for_each(|entry| give(&entry?.path()));
            all().and_then(|()| give(&folder)).map_err(|error| FolderFault::NotMade(folder.clone(), error))?;
        }
        Ok(())
    }
}
