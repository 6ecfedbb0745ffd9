//! Random faults over replicas and over a cluster of three: of what was written through the fence, nothing is of a holder after a later one.
//!
//! `FAULTS=200` makes it long, `REPLICAS=8` gives it more replicas, `SEED=..` repeats the faults of a run.

use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use replica_tests::etcd::Etcd;
use replica_tests::replica::Replica;
use replica_tests::{SOON, eventually};

const TERM: Duration = Duration::from_millis(1500);
const REPLICAS: u64 = 4;

fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |set| set.parse().unwrap())
}

fn replica(etcd: &Etcd, number: usize) -> Replica {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leader_on_etcd"));
    let (name, term) = (format!("r{number}"), TERM.as_millis().to_string());
    command.args([&etcd.endpoints(), &name, &term, "fenced"]);
    Replica::start(&name, &mut command)
}

/// The token of each write, in the order etcd has them.
fn written(etcd: &Etcd) -> Vec<u64> {
    let (key, end) = (STANDARD.encode("writes/"), STANDARD.encode("writes0"));
    let read = format!(
        r#"{{"key":"{key}","range_end":"{end}","sort_target":"MOD","sort_order":"ASCEND"}}"#
    );
    let answer = etcd.ask(0, "/v3/kv/range", &read);
    let token = |value: &str| {
        let value = STANDARD.decode(value.split('"').next().unwrap()).unwrap();
        String::from_utf8(value).unwrap().parse().unwrap()
    };
    answer.split("\"value\":\"").skip(1).map(token).collect()
}

/// The replica that leads, or has led as long as it was heard of.
fn leader(replicas: &[Replica]) -> Option<usize> {
    replicas.iter().position(|replica| {
        let lines = replica.lines();
        let mut last = lines.iter().rev();
        let told = last.find(|line| line.starts_with("leads") || *line == "drained");
        told.is_some_and(|line| line.starts_with("leads"))
    })
}

/// What happens to one of the replicas, mostly to the one that leads, or to one of the members, and is over after it.
fn befall(etcd: &Etcd, replicas: &mut [Replica], started: &mut usize, random: &mut Rng) {
    let (anyone, member) = (random.usize(..replicas.len()), random.usize(..3));
    let victim = match leader(replicas) {
        Some(leader) if random.u8(..10) < 7 => leader,
        _ => anyone,
    };
    match random.u8(..5) {
        0 => {
            replicas[victim].signal("-STOP");
            std::thread::sleep(TERM.mul_f64(random.f64() * 2.0));
            replicas[victim].signal("-CONT");
        }
        fault @ (1 | 2) => {
            replicas[victim].signal(if fault == 1 { "-KILL" } else { "-TERM" });
            eventually("it ends", SOON, || !replicas[victim].is_up());
            *started += 1;
            replicas[victim] = replica(etcd, *started);
        }
        3 => {
            etcd.signal(member, "-STOP");
            std::thread::sleep(TERM.mul_f64(random.f64()));
            etcd.signal(member, "-CONT");
        }
        _ => {
            etcd.crash(member);
            std::thread::sleep(TERM.mul_f64(random.f64() / 2.0));
            etcd.start_again(member);
        }
    }
}

#[test]
fn under_random_faults_nothing_stale_is_written_through_the_fence() {
    let (faults, seed) = (number("FAULTS", 15), number("SEED", fastrand::u64(..)));
    println!("SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let etcd = Etcd::cluster(3);
    let mut started = usize::try_from(number("REPLICAS", REPLICAS)).unwrap();
    let mut replicas: Vec<_> = (0..started).map(|number| replica(&etcd, number)).collect();
    // One takeover there is in any case, however the faults fall.
    let began = Instant::now();
    eventually("somebody writes", SOON, || {
        let mut replicas = replicas.iter();
        replicas.any(|replica| replica.when("wrote ", began).is_some())
    });
    for _ in 0..faults {
        std::thread::sleep(TERM.mul_f64(random.f64() / 2.0));
        befall(&etcd, &mut replicas, &mut started, &mut random);
    }
    if let Some(leader) = leader(&replicas) {
        replicas[leader].signal("-KILL");
    }
    let calm = Instant::now();
    eventually("somebody writes again", SOON, || {
        let mut replicas = replicas.iter();
        replicas.any(|replica| replica.when("wrote ", calm + TERM).is_some())
    });
    etcd.leader();
    let tokens = written(&etcd);
    let mut holders = tokens.clone();
    holders.dedup();
    println!(
        "{} writes of {} holders, {faults} faults",
        tokens.len(),
        holders.len()
    );
    assert!(tokens.is_sorted(), "a stale holder wrote: {holders:?}");
    assert!(holders.len() > 1, "the lease never moved");
}
