//! Replicas of the program `fleet`: started, hurt, and asked by their pages who leads.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lifecycle::Result;
use replica_tests::replica::Replica;

/// How long a replica has to come up, to take over, to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// After so long without news of a takeover the pages are asked for one that came before.
const SOME_TERMS: Duration = Duration::from_secs(10);

/// How often is looked.
const LOOK: Duration = Duration::from_millis(5);

/// The replicas that are up, and what those that have ended have logged.
pub struct Fleet {
    program: PathBuf,
    database: String,
    began: Instant,
    replicas: Vec<Replica>,
    logs: Vec<String>,
}

impl Fleet {
    pub fn new(database: String) -> Result<Self> {
        let program =
            env::current_exe()?.with_file_name(format!("fleet{}", env::consts::EXE_SUFFIX));
        if !program.exists() {
            return Err(format!(
                "build the replicas first: `{}` is not there",
                program.display()
            )
            .into());
        }
        Ok(Self {
            program,
            database,
            began: Instant::now(),
            replicas: Vec::new(),
            logs: Vec::new(),
        })
    }

    /// Tells what happens, and when.
    pub fn say(&self, what: &str) {
        println!("{:5.1} s  {what}", self.began.elapsed().as_secs_f64());
    }

    pub fn start(&mut self, name: &str) -> Result {
        let replica = Replica::start(
            name,
            Command::new(&self.program)
                .env("DATABASE_URL", &self.database)
                .env("FLEET_NAME", name)
                .env("FLEET_OPS", "127.0.0.1:0")
                .env("FLEET_FAST", "1"),
        );
        let began = Instant::now();
        let page = loop {
            match replica.page() {
                Some(page) => break page,
                None if began.elapsed() > PATIENCE => {
                    return Err(format!("{name} does not come up").into());
                }
                None => sleep(LOOK),
            }
        };
        self.replicas.push(replica);
        self.say(&format!("{name} starts; its page: http://{page}/"));
        Ok(())
    }

    /// By the pages: which replica has the lease of this service, and its fence.
    pub fn leader(&self, service: &str) -> Option<(String, u64)> {
        self.replicas.iter().find_map(|replica| {
            let fence = replica.status(service)?["lease"]["token"].as_u64()?;
            Some((replica.name.clone(), fence))
        })
    }

    /// The same, once there is one.
    pub fn led(&self, service: &str) -> Result<String> {
        let began = Instant::now();
        loop {
            match self.leader(service) {
                Some((leader, _)) => return Ok(leader),
                None if began.elapsed() > PATIENCE => {
                    return Err(format!("nobody leads `{service}`").into());
                }
                None => sleep(LOOK),
            }
        }
    }

    /// Waits until another than this one leads the service, and tells after how long.
    pub fn followed(&self, service: &str, gone: &str, since: Instant) -> Result {
        let taken = format!("lease taken service={service} ");
        loop {
            let others = self.replicas.iter().filter(|replica| replica.name != gone);
            let first =
                others.filter_map(|replica| Some((replica.when(&taken, since)?, &replica.name)));
            if let Some((at, next)) = first.min() {
                let after = (at - since).as_millis();
                self.say(&format!("{next} leads `{service}`, {after} ms after"));
                return Ok(());
            }
            // On a busy machine the one that is gone may have lost its lease just before.
            if since.elapsed() > SOME_TERMS {
                let others = self.leader(service).filter(|(leader, _)| leader != gone);
                if let Some((next, _)) = others {
                    self.say(&format!("{next} leads `{service}` already"));
                    return Ok(());
                }
            }
            if since.elapsed() > PATIENCE {
                return Err(format!("nobody follows {gone} as the leader of `{service}`").into());
            }
            sleep(LOOK);
        }
    }

    pub fn tell_leaders(&self) {
        let of = |service| match self.leader(service) {
            Some((name, fence)) => format!("{name} leads `{service}` with fence {fence}"),
            None => format!("nobody leads `{service}`"),
        };
        self.say(&format!("by the pages {}, {}", of("report"), of("census")));
    }

    pub fn signal(&self, name: &str, signal: &str) -> Instant {
        self.say(&format!("SIG{} to {name}", &signal[1..]));
        let at = Instant::now();
        self.named(name).for_each(|replica| replica.signal(signal));
        at
    }

    /// Waits for the end of one that was told to end, and keeps what it has logged.
    pub fn end(&mut self, name: &str) {
        let began = Instant::now();
        for replica in self
            .replicas
            .iter_mut()
            .filter(|replica| replica.name == name)
        {
            while replica.is_up() && began.elapsed() < PATIENCE {
                sleep(LOOK);
            }
        }
        let (ended, left) = std::mem::take(&mut self.replicas)
            .into_iter()
            .partition(|replica| replica.name == name);
        self.replicas = left;
        for replica in ended {
            self.keep(replica);
        }
    }

    /// Ends all, and gives what they have ever logged.
    pub fn end_all(mut self) -> Vec<String> {
        for name in self.names() {
            self.signal(&name, "-TERM");
        }
        for name in self.names() {
            self.end(&name);
        }
        self.logs
    }

    pub fn names(&self) -> Vec<String> {
        self.replicas
            .iter()
            .map(|replica| replica.name.clone())
            .collect()
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Replica> {
        self.replicas
            .iter()
            .filter(move |replica| replica.name == name)
    }

    fn keep(&mut self, replica: Replica) {
        self.logs.extend(replica.end());
    }
}
