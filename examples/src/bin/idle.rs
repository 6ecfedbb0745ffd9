//! `idle`: a provider with a beginning and an end. It only answers calls, but it reads its state from a file before the
//! first one and writes it back after the last.
//!
//! The program keeps one clone of the `Arc` to call it; the registry gets the other and alone starts and stops it.
//!
//! Try: run it again, the count goes on. Then remove the `drain` hook: every run starts where the last one started.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::{
    env, fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use lifecycle::{Context, Idle, Result, registry, service};

/// Counts visits in memory.
#[service(idle)]
struct Visits {
    file: PathBuf,
    count: AtomicU64,
}

impl Visits {
    fn visit(&self) -> u64 {
        self.count.fetch_add(1, Relaxed) + 1
    }
}

impl Idle for Visits {
    async fn startup(&self, _: &Context) -> Result {
        if self.file.exists() {
            self.count
                .store(fs::read_to_string(&self.file)?.parse()?, Relaxed);
        }
        println!("read {}", self.file.display());
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        fs::write(&self.file, self.count.load(Relaxed).to_string())?;
        println!("written");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let file = env::temp_dir().join("lifecycle-visits.txt");
    let visits = Arc::new(Visits {
        file,
        count: AtomicU64::new(0),
    });

    let running = registry! { "visits" => visits.clone() }.start();
    running.await_healthy().await?;
    for _ in 0..3 {
        println!("visit number {}", visits.visit());
    }
    running.stop().await.into_result()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    /// One for each life, as several go on at once; beside the program of the tests.
    fn file() -> PathBuf {
        static LIVES: AtomicU64 = AtomicU64::new(0);
        let name = format!("visits-{}.txt", LIVES.fetch_add(1, Relaxed));
        let file = env::current_exe().unwrap().with_file_name(name);
        let _ = fs::remove_file(&file);
        file
    }

    mod visits {
        use super::*;

        conformance!(Visits {
            file: file(),
            count: AtomicU64::new(0),
        });
    }
}
