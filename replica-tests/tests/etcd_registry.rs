//! Replicas of an application whose registry has its leases, or its memory, on etcd.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use replica_tests::clock::shifted;
use replica_tests::etcd::Etcd;
use replica_tests::proxy::Proxy;
use replica_tests::replica::Replica;
use replica_tests::{SOON, best_of, eventually};

/// Long enough for a holder to renew in time on a busy machine, and for an etcd whose disk is busy.
const TERM: Duration = Duration::from_secs(3);

fn command(etcd: &Etcd, name: &str, term: Duration, fenced: &str) -> Command {
    command_at(&etcd.endpoints(), name, term, fenced)
}

fn command_at(endpoints: &str, name: &str, term: Duration, fenced: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leader_on_etcd"));
    let term = term.as_millis().to_string();
    command.args([endpoints, name, &term, fenced]);
    command
}

fn replica(etcd: &Etcd, name: &str, term: Duration) -> Replica {
    Replica::start(name, &mut command(etcd, name, term, "fenced"))
}

/// A replica that leads, and one that has asked in vain.
fn two(etcd: &Etcd, term: Duration) -> (Replica, Replica) {
    let began = Instant::now();
    let leader = replica(etcd, "a", term);
    leader.until("leads", began);
    let other = standby(etcd, "b", term);
    assert!(other.when("leads", began).is_none(), "two at once");
    (leader, other)
}

/// One that has asked in vain: it knows who leads.
fn standby(etcd: &Etcd, name: &str, term: Duration) -> Replica {
    let other = replica(etcd, name, term);
    other.has("led by");
    other
}

/// With the term that is set where none is: the next one does not wait for its end.
#[test]
fn a_leader_that_is_asked_to_stop_hands_over_at_once() {
    let term = Duration::from_secs(30);
    let etcd = Etcd::start();
    let (mut leader, mut other) = two(&etcd, term);
    let hands_over = || {
        let asked = Instant::now();
        leader.signal("-TERM");
        let taken = other.until("leads", asked);
        leader.until("drained", asked);
        // It drains first, and gives back then; the lines of two processes are read one as soon as the other.
        let lines = leader.lines();
        assert_eq!(lines.last().map(String::as_str), Some("drained"));
        let next = standby(&etcd, "c", term);
        leader = std::mem::replace(&mut other, next);
        taken - asked
    };
    let took = best_of(10, Duration::from_secs(1), hands_over);
    println!("after SIGTERM: {took:?}");
}

#[test]
fn a_leader_that_is_killed_or_frozen_is_followed_within_a_term_and_a_poll() {
    let etcd = Etcd::start();
    let (mut leader, mut other) = two(&etcd, TERM);
    for signal in ["-KILL", "-STOP"] {
        let took = best_of(6, TERM * 4 / 3 + Duration::from_millis(500), || {
            let ended = Instant::now();
            leader.signal(signal);
            let taken = other.until("leads", ended);
            if signal == "-STOP" {
                let going_on = Instant::now();
                leader.signal("-CONT");
                leader.until("drained", going_on);
            }
            let next = standby(&etcd, "c", TERM);
            leader = std::mem::replace(&mut other, next);
            taken - ended
        });
        println!("after {signal}: {took:?}, with a term of {TERM:?}");
    }
}

#[test]
fn replicas_on_standby_know_who_leads() {
    let etcd = Etcd::start();
    let (leader, other) = two(&etcd, TERM);
    let token = |leader: &Replica| {
        let leads = leader
            .lines()
            .into_iter()
            .rfind(|line| line.starts_with("leads"));
        leads.unwrap().replace("leads", "led by")
    };
    other.has(&token(&leader));
    let third = replica(&etcd, "c", TERM);
    third.has(&token(&leader));
    let asked = Instant::now();
    leader.signal("-TERM");
    let replicas = [other, third];
    let mut next = None;
    eventually("another leads", SOON, || {
        next = (0..2).find(|one| replicas[*one].when("leads", asked).is_some());
        next.is_some()
    });
    let next = next.unwrap();
    replicas[1 - next].has(&token(&replicas[next]));
}

#[test]
fn an_etcd_that_is_frozen_costs_the_lease_before_its_term_is_over_and_gives_it_again() {
    let etcd = Etcd::start();
    let (leader, other) = two(&etcd, TERM);
    let mut shortest = Duration::MAX;
    for _ in 0..2 {
        let frozen = Instant::now();
        etcd.signal(0, "-STOP");
        let (mut drained, replicas) = (None, [&leader, &other]);
        eventually("the leader steps down", SOON, || {
            drained = replicas
                .iter()
                .find_map(|replica| replica.when("drained", frozen));
            drained.is_some()
        });
        let after = drained.unwrap() - frozen;
        println!("stepped down {after:?} after etcd was frozen, with a term of {TERM:?}");
        shortest = shortest.min(after);
        std::thread::sleep(TERM);
        let there = Instant::now();
        etcd.signal(0, "-CONT");
        eventually("somebody leads again", SOON, || {
            replicas
                .iter()
                .any(|replica| replica.when("leads", there).is_some())
        });
        eventually("it writes", SOON, || {
            replicas
                .iter()
                .any(|replica| replica.when("wrote ", there).is_some())
        });
    }
    assert!(shortest < TERM, "it goes on for {shortest:?}");
}

#[test]
fn an_etcd_that_is_killed_and_started_again_is_found_by_all() {
    let etcd = Etcd::start();
    let (leader, other) = two(&etcd, TERM);
    let down = Instant::now();
    etcd.crash(0);
    leader.until("drained", down);
    etcd.start_again(0);
    let there = Instant::now();
    eventually("somebody leads again", SOON, || {
        [&leader, &other]
            .iter()
            .any(|replica| replica.when("leads", there).is_some())
    });
    let ended = Instant::now();
    for replica in [&leader, &other] {
        replica.signal("-TERM");
    }
    let mut replicas = [leader, other];
    eventually("they end", SOON, || {
        replicas.iter_mut().all(|replica| !replica.is_up())
    });
    println!("ended after {:?}", ended.elapsed());
}

/// One that is frozen in the middle of its tick, past its term, and goes on: what it writes then.
fn of_a_stale_leader(fenced: &str, clock: &str) -> String {
    let etcd = Etcd::start();
    let began = Instant::now();
    let mut command_of_leader = command(&etcd, "a", TERM, fenced);
    let leader = shifted(command_of_leader.env("HOLDS", ""), clock);
    let leader = Replica::start("a", leader);
    leader.until("wrote", began);
    let other = Replica::start("b", &mut command(&etcd, "b", TERM, fenced));
    let up = other.until("up", began);
    leader.until("holds", up);
    let frozen = Instant::now();
    leader.signal("-STOP");
    let taken = other.until("leads", frozen);
    other.until("wrote ", taken);
    let going_on = Instant::now();
    leader.signal("-CONT");
    leader.until("wrote", going_on);
    let mut lines = leader.lines().into_iter();
    lines.rfind(|line| line.starts_with("wrote")).unwrap()
}

#[test]
fn a_leader_that_was_frozen_past_its_term_writes_nothing_more_through_the_fence() {
    let wrote = of_a_stale_leader("fenced", "+0");
    assert!(
        wrote.starts_with("wrote nothing: the lease `test/leader` was taken over"),
        "{wrote}"
    );
}

/// What the test above would show if the fence did nothing.
#[test]
fn a_leader_that_was_frozen_past_its_term_writes_over_the_newer_one_without_the_fence() {
    let wrote = of_a_stale_leader("unfenced", "+0");
    assert!(!wrote.contains("nothing"), "{wrote}");
}

#[test]
fn the_fence_refuses_a_stale_leader_whose_clock_is_ten_minutes_off() {
    for clock in ["+10m", "-10m"] {
        let wrote = of_a_stale_leader("fenced", clock);
        assert!(
            wrote.starts_with("wrote nothing: the lease `test/leader` was taken over"),
            "{clock}: {wrote}"
        );
    }
}

/// It leads as long as it renews, and is followed as soon as another is. Whose clock is right plays no part.
#[test]
fn a_clock_that_is_ten_minutes_off_leads_no_longer_and_follows_no_later() {
    for clock in ["+10m", "-10m"] {
        let etcd = Etcd::start();
        let off = |name: &str| {
            let mut command = command(&etcd, name, TERM, "fenced");
            Replica::start(name, shifted(&mut command, clock))
        };
        let began = Instant::now();
        let mut leader = off("off");
        let leads = leader.until("leads", began);
        assert_ne!(seconds_off(&leader) / 590, 0, "its clock is right");
        let mut other = standby(&etcd, "right", TERM);
        eventually("some terms pass", SOON, || leads.elapsed() > TERM * 3);
        assert!(other.when("leads", began).is_none(), "two at once");
        for is_off in [true, false] {
            let next = if is_off {
                off("off again")
            } else {
                replica(&etcd, "right again", TERM)
            };
            next.has("led by");
            let killed = Instant::now();
            leader.signal("-KILL");
            let taken = eventually("another leads", SOON, || {
                [&other, &next]
                    .iter()
                    .any(|one| one.when("leads", killed).is_some())
            });
            println!("with a clock that is off by {clock}: {taken:?}");
            leader = match next.when("leads", killed) {
                Some(_) => next,
                None => std::mem::replace(&mut other, next),
            };
        }
    }
}

/// How far the clock of this replica is off.
fn seconds_off(replica: &Replica) -> i64 {
    let lines = replica.lines();
    let told = lines.iter().find_map(|line| line.strip_prefix("up at "));
    let told: i64 = told.unwrap().parse().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    told - i64::try_from(now.unwrap().as_secs()).unwrap()
}

#[test]
fn a_leader_that_is_cut_off_steps_down_in_time_and_another_follows() {
    let etcd = Etcd::start();
    let proxy = Proxy::to(etcd.port(0));
    let began = Instant::now();
    let mut cut_off = command_at(&etcd.at(proxy.port()), "a", TERM, "fenced");
    let leader = Replica::start("a", &mut cut_off);
    leader.until("wrote ", began);
    let other = standby(&etcd, "b", TERM);
    let cut = Instant::now();
    proxy.freeze();
    let drained = leader.until("drained", cut);
    let taken = other.until("leads", cut);
    other.until("wrote ", taken);
    println!(
        "stepped down after {:?}, followed after {:?}",
        drained - cut,
        taken - cut
    );
    // It follows once the other has asked for what is over.
    proxy.thaw();
    let asked = Instant::now();
    other.signal("-TERM");
    leader.until("leads", asked);
}

/// How often each point was run, and the points, in milliseconds.
fn runs(etcd: &Etcd) -> BTreeMap<u64, u32> {
    let (key, end) = (STANDARD.encode("runs/"), STANDARD.encode("runs0"));
    let read = format!(r#"{{"key":"{key}","range_end":"{end}","keys_only":true}}"#);
    let answer = etcd.ask(0, "/v3/kv/range", &read);
    let mut runs = BTreeMap::new();
    for key in answer.split("\"key\":\"").skip(1) {
        let key = STANDARD.decode(key.split('"').next().unwrap()).unwrap();
        let key = String::from_utf8(key).unwrap();
        *runs
            .entry(key.split('/').nth(1).unwrap().parse().unwrap())
            .or_default() += 1;
    }
    runs
}

/// Kills the process so many times, each time when it has just done something, and lets it end by itself at last.
fn killed(times: usize, more: &[&str]) -> BTreeMap<u64, u32> {
    let etcd = Etcd::start();
    let nightly = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nightly_on_etcd"));
        Replica::start(name, command.arg(etcd.endpoints()).args(more))
    };
    for number in 0..times {
        let began = Instant::now();
        let process = nightly(&format!("process {number}"));
        process.until("ran", began);
        std::thread::sleep(Duration::from_millis(fastrand::u64(..300)));
        process.signal("-KILL");
    }
    let began = Instant::now();
    let mut last = nightly("the last");
    let is_new = |point: &u64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u128::from(*point) + 1000 > now.unwrap().as_millis()
    };
    last.until("ran", began);
    eventually("it has caught up", SOON, || runs(&etcd).keys().any(is_new));
    last.signal("-TERM");
    eventually("it stops", SOON, || !last.is_up());
    runs(&etcd)
}

#[test]
fn a_point_that_is_marked_in_its_transaction_takes_effect_once_whoever_is_killed_when() {
    let runs = killed(15, &[]);
    assert!(
        runs.values().all(|times| *times == 1),
        "points took effect twice: {runs:?}"
    );
    let points: Vec<_> = runs.keys().collect();
    assert!(
        points.windows(2).all(|two| two[1] - two[0] == 250),
        "points are left out: {points:?}"
    );
    assert!(points.len() > 15);
}

/// What the test above would show if the mark did nothing.
#[test]
fn a_point_that_is_not_marked_is_run_again_after_a_kill() {
    let runs = killed(40, &["unmarked"]);
    assert!(
        runs.values().any(|times| *times > 1),
        "the test of the mark can't fail"
    );
}

/// A lease that can't be given back costs one call of the store, and no more.
#[test]
fn a_stop_does_not_wait_for_an_etcd_that_is_frozen() {
    let etcd = Etcd::start();
    let (mut leader, _other) = two(&etcd, Duration::from_secs(30));
    etcd.signal(0, "-STOP");
    let asked = Instant::now();
    leader.signal("-TERM");
    // Its own write, if one is under way, has its own time.
    let drained = leader.until("drained", asked);
    eventually("it ends", SOON, || !leader.is_up());
    println!("ended {:?} after the drain", drained.elapsed());
    // The term is 30 s, and so is the time a stop has.
    assert!(drained.elapsed() < Duration::from_secs(15));
    etcd.signal(0, "-CONT");
}
