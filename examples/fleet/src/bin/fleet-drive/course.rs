//! What befalls the replicas, one thing after another.

use std::thread::sleep;
use std::time::Duration;

use lifecycle::Result;

use crate::fleet::Fleet;

/// How long a night is, in the fast mode of the program.
pub const NIGHT: Duration = Duration::from_secs(2);

/// Longer than a lease is good for, in the same mode.
const LONGER_THAN_A_TERM: Duration = Duration::from_millis(2_500);

/// The services that one replica runs.
const LED: [&str; 2] = ["report", "census"];

/// The whole course, so many times over.
pub fn run(fleet: &mut Fleet, rounds: u32) -> Result {
    for name in ["a", "b", "c"] {
        fleet.start(name)?;
    }
    for _ in 0..rounds {
        for service in LED {
            settle(fleet)?;
            stop(fleet, service)?;
            settle(fleet)?;
            kill(fleet, service)?;
            settle(fleet)?;
            freeze(fleet, service)?;
        }
        settle(fleet)?;
        freeze_a_standby(fleet)?;
        settle(fleet)?;
        kill_all(fleet)?;
        settle(fleet)?;
        deploy(fleet)?;
    }
    settle(fleet)
}

/// A night and more in which nothing happens.
fn settle(fleet: &Fleet) -> Result {
    for service in LED {
        fleet.led(service)?;
    }
    sleep(NIGHT);
    fleet.tell_leaders();
    Ok(())
}

/// The leader is asked to stop: it gives its lease back, and another has it at once.
fn stop(fleet: &mut Fleet, service: &str) -> Result {
    let leader = fleet.led(service)?;
    let since = fleet.signal(&leader, "-TERM");
    fleet.followed(service, &leader, since)?;
    fleet.end(&leader);
    fleet.start(&leader)
}

/// The leader is killed: another has its lease when its term is over.
fn kill(fleet: &mut Fleet, service: &str) -> Result {
    let leader = fleet.led(service)?;
    let since = fleet.signal(&leader, "-KILL");
    fleet.followed(service, &leader, since)?;
    fleet.end(&leader);
    fleet.start(&leader)
}

/// The leader is frozen until another leads, and goes on: what it was about to write is refused.
fn freeze(fleet: &Fleet, service: &str) -> Result {
    let leader = fleet.led(service)?;
    let since = fleet.signal(&leader, "-STOP");
    fleet.followed(service, &leader, since)?;
    sleep(NIGHT / 4);
    fleet.signal(&leader, "-CONT");
    Ok(())
}

/// One that leads nothing: no other replica notices.
fn freeze_a_standby(fleet: &Fleet) -> Result {
    let leaders = [fleet.led(LED[0])?, fleet.led(LED[1])?];
    let names = fleet.names();
    let Some(standby) = names.iter().find(|name| !leaders.contains(name)) else {
        return Err("nobody stands by".into());
    };
    fleet.signal(standby, "-STOP");
    sleep(LONGER_THAN_A_TERM);
    fleet.signal(standby, "-CONT");
    Ok(())
}

/// No replica is up for three nights, and the next report stands for them.
fn kill_all(fleet: &mut Fleet) -> Result {
    let names = fleet.names();
    for name in &names {
        fleet.signal(name, "-KILL");
    }
    for name in &names {
        fleet.end(name);
    }
    fleet.say("nobody is up");
    sleep(NIGHT * 3);
    for name in &names {
        fleet.start(name)?;
    }
    Ok(())
}

/// As a deployment does it: one after the other is stopped and started.
fn deploy(fleet: &mut Fleet) -> Result {
    for name in fleet.names() {
        fleet.signal(&name, "-TERM");
        fleet.end(&name);
        fleet.start(&name)?;
    }
    Ok(())
}
