//! The memory in a file.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifecycle::testing::stores;
use lifecycle::{FileMemory, Memory, Point, registry};

use crate::job::{Hourly, Notes};

/// A folder of its own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lifecycle-catch-up-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("schedules")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_memory_in_a_file_keeps_the_rules_of_a_memory() {
    let folder = Folder::new();
    stores::memory(|| Arc::new(FileMemory::new(folder.file()))).await;
}

#[tokio::test]
async fn it_outlives_the_process_and_leaves_nothing_else_behind() {
    let folder = Folder::new();
    let point = Point::new(std::time::SystemTime::now(), 1);
    let memory = FileMemory::new(folder.file());
    assert_eq!(memory.last("a\nb").await.unwrap(), None);
    assert!(memory.begin("a\nb", &point).await.unwrap());
    assert!(memory.begin("c", &point).await.unwrap());
    assert!(memory.end("a\nb", &point).await.unwrap());
    let other = FileMemory::new(folder.file());
    let last = other.last("a\nb").await.unwrap().unwrap();
    assert_eq!((last.point, last.ended), (point, true));
    let last = other.last("c").await.unwrap().unwrap();
    assert_eq!((last.point, last.ended), (point, false));
    let names: Vec<_> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["schedules"]);
}

#[tokio::test]
async fn a_file_that_is_half_written_changes_nothing() {
    let folder = Folder::new();
    let point = Point::new(std::time::SystemTime::now(), 1);
    let memory = FileMemory::new(folder.file());
    assert!(memory.begin("job", &point).await.unwrap());
    // The power is lost before the new file is in its place.
    fs::write(folder.0.join("schedules.new"), "lifecycle mem").unwrap();
    assert!(!memory.begin("job", &point).await.unwrap());
    assert!(memory.end("job", &point).await.unwrap());
    assert!(memory.last("job").await.unwrap().unwrap().ended);
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    for (text, line) in [
        ("[settings]\n", 1),
        ("", 1),
        ("lifecycle memory 2\n", 1),
        ("lifecycle memory 1\n1 1 ended job\n1 1 halfway job\n", 3),
    ] {
        let folder = Folder::new();
        fs::write(folder.file(), text).unwrap();
        let memory = FileMemory::new(folder.file());
        let running = registry! { memory = memory, "job" => Hourly(Notes::new()) }
            .signals(false)
            .start();
        running.wait().await;
        let said = running.stop().await.to_string();
        let expected = format!("is no memory of schedules: line {line} is not understood");
        assert!(said.contains(&expected), "{said}");
        assert_eq!(fs::read_to_string(folder.file()).unwrap(), text);
    }
}

#[tokio::test]
async fn a_folder_that_is_missing_shows_as_degraded() {
    let folder = Folder::new();
    let memory = FileMemory::new(folder.0.join("missing/schedules"));
    let running = registry! { memory = memory, "job" => Hourly(Notes::new()) }
        .signals(false)
        .start();
    let degraded = loop {
        if let Some(degraded) = running.handle().states().remove(0).degraded {
            break degraded;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert!(degraded.contains("missing/schedules"), "{degraded}");
    assert_eq!(running.stop().await.exit_code(), 0);
}
