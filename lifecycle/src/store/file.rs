//! A memory in a file, for an application that runs once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use super::memory::{Memory, Remembered};
use crate::report::error::{BoxError, permanent};
use crate::report::point::Point;

/// A memory in a file, for an application of which one process runs at a time.
///
/// The file is made by the first point, in a folder that must exist. Each change writes a new file beside it, named as
/// the file with `.new` behind it, and puts that in its place once it is on the disk: whenever the machine loses its
/// power, either the one or the other is there. All this is done on a thread for blocking work.
///
/// The file is read again for each call, so a process that stops and the one that follows it may overlap, but two that
/// go on beside each other may run the same point twice: their memory is in a database.
///
/// ```
/// use lifecycle::{Context, FileMemory, Result, Scheduled, registry, service};
///
/// #[service(scheduled(interval = "24h", catch_up = "7d"))]
/// struct Report;
///
/// impl Scheduled for Report {
///     async fn tick(&self, _: &Context) -> Result { Ok(()) }
/// }
///
/// let registry = registry! {
///     memory = FileMemory::new("/var/lib/identity/schedules"),
///     "report" => Report,
/// };
/// ```
#[derive(Clone, Debug)]
pub struct FileMemory {
    path: Arc<Path>,
}

/// Held while a file is read or written: of all memories of the process, because two may be in one file.
static LOCK: Mutex<()> = Mutex::new(());

/// The first line. One that is written by a later format is refused.
const HEADER: &str = "lifecycle memory 1";

type Points = BTreeMap<String, Remembered>;

impl FileMemory {
    /// The memory in this file. Nothing is read or written yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into().into(),
        }
    }

    /// On a thread for blocking work: what is changed is written. Once begun, it is carried out even if the caller is
    /// dropped.
    async fn with<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Points) -> (T, bool) + Send + 'static,
    ) -> Result<T, BoxError> {
        let path = self.path.clone();
        spawn_blocking(move || {
            let _locked = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
            let mut points = read(&path)?;
            let (answer, has_changed) = change(&mut points);
            if has_changed {
                write(&path, &points).map_err(|error| FileError::new(&path, error))?;
            }
            Ok(answer)
        })
        .await?
    }
}

#[async_trait]
impl Memory for FileMemory {
    async fn last(&self, name: &str) -> Result<Option<Remembered>, BoxError> {
        let name = name.to_owned();
        self.with(move |points| (points.get(&name).copied(), false))
            .await
    }

    async fn begin(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
        let (name, point) = (name.to_owned(), *point);
        self.with(move |points| {
            let is_allowed = points.get(&name).is_none_or(|last| last.allows(&point));
            if is_allowed {
                points.insert(name, Remembered::new(point, false));
            }
            (is_allowed, is_allowed)
        })
        .await
    }

    async fn end(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
        let (name, point) = (name.to_owned(), *point);
        self.with(move |points| match points.get_mut(&name) {
            Some(last) if last.point == point => {
                let has_changed = !std::mem::replace(&mut last.ended, true);
                (true, has_changed)
            }
            _ => (false, false),
        })
        .await
    }
}

/// Replaces the file, once the new one is on the disk.
fn write(path: &Path, points: &Points) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let mut file = File::create(&new)?;
    let lines = points.iter().map(|(name, Remembered { point, ended })| {
        let (micros, attempt) = (to_micros(point.at), point.attempt);
        let word = if *ended { "ended" } else { "begun" };
        format!("{micros} {attempt} {word} {}\n", name.escape_default())
    });
    let text: String = iter::once(format!("{HEADER}\n")).chain(lines).collect();
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, path)?;
    // The name of the file is in its folder, which is written by itself.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Points, BoxError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Points::new()),
        Err(error) => return Err(FileError::new(path, error).into()),
    };
    let mut lines = text.lines().zip(1..);
    let broken = |line| {
        let path = path.to_owned();
        permanent(BrokenFile { path, line }).into()
    };
    match lines.next() {
        Some((HEADER, _)) => {}
        _ => return Err(broken(1)),
    }
    lines
        .map(|(line, number)| parse(line).ok_or_else(|| broken(number)))
        .collect()
}

fn parse(line: &str) -> Option<(String, Remembered)> {
    let mut words = line.splitn(4, ' ');
    let at = from_micros(words.next()?.parse().ok()?)?;
    let attempt = words.next()?.parse().ok()?;
    let ended = match words.next()? {
        "ended" => true,
        "begun" => false,
        _ => return None,
    };
    let name = unescape(words.next()?)?;
    Some((name, Remembered::new(Point::new(at, attempt), ended)))
}

/// The text that [`str::escape_default`] made this of.
fn unescape(escaped: &str) -> Option<String> {
    let mut text = String::new();
    let mut letters = escaped.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        text.push(match letters.next()? {
            't' => '\t',
            'r' => '\r',
            'n' => '\n',
            'u' => {
                let rest = letters.as_str().strip_prefix('{')?;
                let (digits, rest) = rest.split_once('}')?;
                letters = rest.chars();
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
            }
            sign => sign,
        });
    }
    Some(text)
}

fn to_micros(at: SystemTime) -> i128 {
    let micros = |since: Duration| i128::try_from(since.as_micros()).unwrap_or(i128::MAX);
    match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => micros(since),
        Err(before) => -micros(before.duration()),
    }
}

fn from_micros(micros: i128) -> Option<SystemTime> {
    let length = Duration::from_micros(u64::try_from(micros.unsigned_abs()).ok()?);
    if micros < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(length)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(length)
    }
}

/// The file can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the memory `{}` can't be read or written", path.display())]
struct FileError {
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    fn new(path: &Path, source: io::Error) -> Self {
        Self {
            path: path.to_owned(),
            source,
        }
    }
}

/// The file holds something else. It is not overwritten.
#[derive(Debug, thiserror::Error)]
#[error("the file `{}` is no memory of schedules: line {line} is not understood", path.display())]
struct BrokenFile {
    path: PathBuf,
    line: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_times_come_back_as_they_were() {
        for name in [
            "nightly",
            "a b",
            "a\\b",
            "n\u{e4}chtlich\n",
            "\u{1f319}'\"",
            "\\u{41}",
        ] {
            let escaped = name.escape_default().to_string();
            assert_eq!(unescape(&escaped).as_deref(), Some(name), "{escaped}");
        }
        for micros in [0, 1, -1, 1_790_000_000_123_456, -62_135_596_800_000_000] {
            assert_eq!(from_micros(micros).map(to_micros), Some(micros));
        }
        assert_eq!(parse("1 1 half nightly"), None);
        assert_eq!(unescape("\\u{zz}"), None);
    }
}
