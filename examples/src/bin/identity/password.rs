//! Passwords: what is stored is a salted Argon2id hash, in the text form other programs read too.
//!
//! A hash takes tens of milliseconds of one core and 19 MiB on purpose, and any client may ask for one. So only so many are
//! computed at once, and only so many requests wait for their turn: the rest is refused at once.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self, PasswordHasher,
        phc::{Output, PasswordHash},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::config;

/// The hash of a password nobody has.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$dGhlIGhhc2ggb2YgYSBwYXNzd29yZCBub2JvZHkgaGE";

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("too many log-ins at once")]
    Busy,
    #[error("can't hash the password: {0}")]
    Hash(#[from] password_hash::Error),
    #[error("hashing the password panicked")]
    Panicked,
}

/// Threads of their own for hashes: on those of the runtime, the flush of a drain would wait behind strangers. Each keeps
/// the memory that it computes in, so that there is never more of it than threads.
pub struct Passwords {
    /// One permit for each log-in that is computed or waits.
    places: Arc<Semaphore>,
    queue: Queue,
}

#[derive(Clone)]
struct Queue {
    jobs: Sender<Job>,
    /// Whether the threads drop waiting jobs. `Relaxed`: no other memory is read on the strength of this flag.
    closed: Arc<AtomicBool>,
}

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

type Memory = Vec<Block>;

/// The right to have one password hashed after the other.
pub struct Place {
    /// Shared with the job, which is there until it is done, even if its client has gone.
    permit: Arc<OwnedSemaphorePermit>,
    queue: Queue,
}

impl Passwords {
    /// Starts the threads. They end when this and every place is dropped.
    pub fn start(cfg: &config::Login) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let closed = Arc::new(AtomicBool::new(false));
        for _ in 0..cfg.hashes.get() {
            let (waiting, closed) = (Arc::clone(&waiting), Arc::clone(&closed));
            thread::Builder::new()
                .name("password".into())
                .spawn(move || work_off(&waiting, &closed))?;
        }
        let places = usize::from(cfg.hashes.get()) + usize::from(cfg.waiting);
        Ok(Self {
            places: Arc::new(Semaphore::new(places)),
            queue: Queue { jobs, closed },
        })
    }

    /// Whether waiting log-ins get their turn. A hash that is being computed is finished in any case.
    pub fn set_open(&self, open: bool) {
        self.queue.closed.store(!open, Relaxed);
    }

    /// A place for one log-in; an error if all are taken.
    pub fn place(&self) -> Result<Place, PasswordError> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        Ok(Place {
            permit: Arc::new(permit.map_err(|_| PasswordError::Busy)?),
            queue: self.queue.clone(),
        })
    }
}

fn work_off(waiting: &Mutex<Receiver<Job>>, closed: &AtomicBool) {
    let mut memory = Memory::new();
    loop {
        let job = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = job else {
            return;
        };
        if closed.load(Relaxed) {
            continue;
        }
        // A panic drops the sender of the answer: its log-in fails, this thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
    }
}

impl Place {
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let hash = self
            .work(move |_| Argon2::default().hash_password(password.as_bytes()))
            .await??;
        Ok(hash.to_string())
    }

    /// Whether the password has this hash. Without one, for a user that doesn't exist, the answer takes as long: the
    /// time tells nobody which names are taken.
    pub async fn matches(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let matches = move |memory: &mut Memory| {
            let hash = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY));
            hash.is_ok_and(|hash| verify(password.as_bytes(), &hash, memory).unwrap_or(false))
        };
        self.work(matches).await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (answer, answered) = oneshot::channel();
        let permit = Arc::clone(&self.permit);
        let job = Box::new(move |memory: &mut Memory| {
            let _permit = permit;
            if !answer.is_closed() {
                let _ = answer.send(work(memory));
            }
        });
        // A job that can't be sent is dropped, and then no answer comes either.
        let _ = self.queue.jobs.send(job);
        answered.await.map_err(|_| {
            if self.queue.closed.load(Relaxed) {
                PasswordError::Busy
            } else {
                PasswordError::Panicked
            }
        })
    }
}

/// As Argon2's own, which allocates anew each time.
fn verify(
    password: &[u8],
    hash: &PasswordHash,
    memory: &mut Memory,
) -> Result<bool, password_hash::Error> {
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return Ok(false);
    };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
    let version = match hash.version {
        Some(version) => Version::try_from(version)?,
        None => Version::default(),
    };
    let params = Params::try_from(hash)?;
    memory.resize(params.block_count(), Block::new());
    let mut computed = vec![0; expected.len()];
    Argon2::new(algorithm, version, params).hash_password_into_with_memory(
        password,
        salt,
        &mut computed,
        memory,
    )?;
    // Compares in constant time.
    Ok(*expected == Output::new(&computed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Passwords {
        Passwords::start(&config::Login::default()).unwrap()
    }

    #[tokio::test]
    async fn only_the_password_matches_its_hash() {
        let place = start().place().unwrap();
        let stored = place.hash("secret".into()).await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        for (password, hash, expected) in [
            ("secret", Some(stored.clone()), true),
            ("Secret", Some(stored), false),
            ("secret", None, false),
        ] {
            let matches = place.matches(password.into(), hash).await.unwrap();
            assert_eq!(matches, expected, "{password}");
        }
    }

    #[test]
    fn checking_nobody_is_as_much_work() {
        let params =
            |hash: &PasswordHash| (hash.params.to_string(), hash.hash.map(|hash| hash.len()));
        let somebody = Argon2::default().hash_password(b"secret").unwrap();
        assert_eq!(
            params(&PasswordHash::new(NOBODY).unwrap()),
            params(&somebody)
        );
    }

    #[test]
    fn who_finds_no_place_is_told_at_once() {
        let cfg = config::Login {
            waiting: 1,
            ..config::Login::default()
        };
        let passwords = Passwords::start(&cfg).unwrap();
        let taken: Vec<Place> = (0..=cfg.hashes.get())
            .map(|_| passwords.place().unwrap())
            .collect();
        assert!(matches!(passwords.place(), Err(PasswordError::Busy)));
        drop(taken);
        passwords.place().unwrap();
    }

    #[tokio::test]
    async fn the_place_of_a_client_that_went_away_is_taken_until_its_turn_is_over() {
        let passwords = start();
        let free = passwords.places.available_permits();
        let place = passwords.place().unwrap();
        let (release, released) = mpsc::channel();
        {
            let mut work = std::pin::pin!(place.work(move |_| released.recv()));
            // Polled once: the work has its turn. Then its client goes away.
            tokio::select! {
                biased;
                _ = &mut work => panic!("it can't be over"),
                () = std::future::ready(()) => {}
            }
        }
        drop(place);
        assert_eq!(passwords.places.available_permits(), free - 1);
        release.send(()).unwrap();
        let all = u32::try_from(free).unwrap();
        drop(passwords.places.acquire_many(all).await.unwrap());
    }

    #[tokio::test]
    async fn who_waits_is_sent_away_when_it_closes() {
        let passwords = start();
        passwords.set_open(false);
        let place = passwords.place().unwrap();
        let answer = place.hash("secret".into()).await;
        assert!(matches!(answer, Err(PasswordError::Busy)));
        passwords.set_open(true);
        place.hash("secret".into()).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer_and_no_thread() {
        let place = start().place().unwrap();
        for _ in 0..10 {
            let answer = place.work(|_| panic!("on purpose")).await;
            assert!(matches!(answer, Err::<(), _>(PasswordError::Panicked)));
        }
        place.hash("secret".into()).await.unwrap();
    }
}
