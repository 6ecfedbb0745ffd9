//! Files for the eyes of the server's own user. The database holds the key that tokens are signed with: another user of
//! the machine who can read it can forge tokens.
//!
//! The mode is set, not left to the umask, and what an earlier version left open is closed at the next start.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Appends to this file, made when it is missing.
pub fn append_to(path: &Path) -> io::Result<File> {
    let file = options().create(true).append(true).open(path)?;
    close_file(&file)?;
    Ok(file)
}

#[cfg(unix)]
mod modes {
    use std::{
        fs::{DirBuilder, OpenOptions, Permissions},
        os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    };

    use tracing::warn;

    use super::{File, Path, fs, io};

    /// How the names begin that the server gives to its files. `SQLite`'s other files begin as the database does.
    const OURS: [&str; 2] = ["identity.sqlite", "spans.jsonl"];

    const FILE: u32 = 0o600;
    const FOLDER: u32 = 0o700;
    const OTHERS: u32 = 0o077;

    pub fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.mode(FILE);
        options
    }

    /// Makes the mode what it must be: the umask may have taken too much, an earlier version too little.
    pub fn close_file(file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        if metadata.is_file() && metadata.mode() & 0o777 != FILE {
            file.set_permissions(Permissions::from_mode(FILE))?;
        }
        Ok(())
    }

    /// Makes the folder where it is missing. One that others can enter is closed if nothing but the server's files is in
    /// it, and refused if it holds anything else: the server must not close a home folder or `/tmp`.
    pub fn folder(path: &Path) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER)
            .create(path)?;
        let mode = fs::metadata(path)?.mode();
        if mode & OTHERS != 0 {
            if let Some(strange) = first_of_others(path)? {
                return Err(io::Error::other(format!(
                    "other users can enter {} and it is not the server's alone ({strange} is in it): \
                     name a folder of its own, or `chmod 700` this one",
                    path.display()
                )));
            }
            warn!(folder = %path.display(), "other users could enter the folder: closed it");
        }
        if mode & 0o777 != FOLDER {
            fs::set_permissions(path, Permissions::from_mode(FOLDER))?;
        }
        close_files(path)
    }

    /// Closes files that were there before.
    fn close_files(folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if !is_ours(&entry.file_name().to_string_lossy()) {
                continue;
            }
            let path = entry.path();
            if entry.file_type()?.is_symlink() {
                let link = format!(
                    "{} is a link: the server writes only to files of its own",
                    path.display()
                );
                return Err(io::Error::other(link));
            }
            // Another instance removes its files whenever it likes.
            match close_path(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(())
    }

    fn close_path(path: &Path) -> io::Result<()> {
        let metadata = fs::metadata(path)?;
        if metadata.is_file() && metadata.mode() & OTHERS != 0 {
            fs::set_permissions(path, Permissions::from_mode(FILE))?;
            warn!(
                file = %path.display(),
                "other users could read the file: closed it; if they did, they know what it held"
            );
        }
        Ok(())
    }

    fn first_of_others(folder: &Path) -> io::Result<Option<String>> {
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !is_ours(&name) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn is_ours(name: &str) -> bool {
        OURS.iter().any(|ours| name.starts_with(ours))
    }
}

#[cfg(unix)]
pub use modes::folder;
#[cfg(unix)]
use modes::{close_file, options};

#[cfg(not(unix))]
pub fn folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(not(unix))]
fn options() -> fs::OpenOptions {
    fs::OpenOptions::new()
}

#[cfg(not(unix))]
fn close_file(_: &File) -> io::Result<()> {
    Ok(())
}
