//! A folder of files as Kubernetes mounts a secret: each swap is one rename of the symlink `..data`.

use std::{
    cell::Cell,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// The folder. The files are symlinks into the folder that `..data` leads to, and change together.
pub(super) struct Mount {
    folder: PathBuf,
    version: Cell<usize>,
}

/// What a name leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'t> {
    /// A file with this content.
    Text(&'t str),
    /// A folder where a file should be: root could read a file of any mode.
    Folder,
}

/// A name in the folder, and what it leads to.
pub(super) type Named<'t> = (&'t str, Entry<'t>);

impl Mount {
    /// A new folder with these files.
    pub(super) fn new(folder: PathBuf, files: &[(&str, &str)]) -> Self {
        fs::create_dir(&folder).expect("the temporary directory can be written");
        let mount = Self { folder, version: Cell::new(0) };
        let entries: Vec<_> = files.iter().map(|(name, text)| (*name, Entry::Text(text))).collect();
        mount.swap(&entries);
        mount
    }

    /// Where a file is; with an empty name, the folder.
    pub(super) fn path(&self, name: &str) -> String {
        let path = if name.is_empty() { self.folder.clone() } else { self.folder.join(name) };
        path.display().to_string()
    }

    /// Replaces all files by these, in the steps of a kubelet: the new folder, the rename, new names, names that are gone.
    pub(super) fn swap(&self, entries: &[Named<'_>]) {
        self.version.set(self.version.get() + 1);
        let version = format!("..{}", self.version.get());
        let folder = self.folder.join(&version);
        fs::create_dir(&folder).expect("the mount can be written");
        for (name, entry) in entries {
            let path = folder.join(name);
            match entry {
                Entry::Text(text) => fs::write(path, text),
                Entry::Folder => fs::create_dir(path),
            }
            .expect("the mount can be written");
        }
        symlink(&version, self.folder.join("..data_tmp")).expect("the mount can be written");
        fs::rename(self.folder.join("..data_tmp"), self.folder.join("..data")).expect("the mount can be written");
        for (name, _) in entries {
            // Nearly all are there from the last time.
            let _ = symlink(Path::new("..data").join(name), self.folder.join(name));
        }
        for entry in fs::read_dir(&self.folder).expect("the mount can be read") {
            let path = entry.expect("the mount can be read").path();
            if path.is_symlink() && !path.exists() {
                fs::remove_file(path).expect("the mount can be written");
            }
        }
    }
}
