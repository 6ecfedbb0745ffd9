//! Many services: each is visited once, and the first do not wait for the last.

use super::*;

const MANY: usize = 1_000;

/// Services without dependencies.
fn many() -> Rig {
    let origin = Instant::now();
    let after = vec![Vec::new(); MANY];
    Rig {
        engine: Engine::new(
            Arc::new(Graph::new(&after)),
            vec![SETTINGS; MANY],
            RegistrySettings::default(),
        ),
        origin,
        now: origin,
    }
}

#[test]
fn many_services_start_in_parts_and_wait_before_any_starts() {
    let mut rig = many();
    rig.engine.begin(rig.now);
    let parts = rig.parts();
    assert!(parts.iter().all(|part| part.len() < 300));
    let waiting = (0..MANY).map(|service| format!("{service} waiting"));
    let starts =
        (0..MANY).flat_map(|service| [format!("{service} starting"), format!("start {service}")]);
    assert_eq!(parts.concat(), waiting.chain(starts).collect::<Vec<_>>());
}

#[test]
fn many_services_are_asked_to_stop_in_parts_and_by_one_deadline() {
    let mut rig = many().up();
    rig.engine.stop(rig.now);
    let parts = rig.parts();
    assert!(parts.iter().all(|part| part.len() < 300));
    let stops = (0..MANY).flat_map(|service| {
        [
            format!("{service} stopping"),
            format!("stop {service} by 8s"),
        ]
    });
    assert_eq!(parts.concat(), stops.collect::<Vec<_>>());
}

#[test]
fn a_stop_between_two_parts_of_the_start_stops_each_once() {
    let mut rig = many();
    rig.engine.begin(rig.now);
    let mut commands = Vec::new();
    while !commands
        .iter()
        .any(|command| matches!(command, Command::Start(_)))
    {
        commands.clear();
        rig.engine.take_commands(&mut commands);
    }
    rig.engine.stop(rig.now);
    let said = rig.said();
    let count = |what: &str| said.iter().filter(|said| said.starts_with(what)).count();
    assert_eq!(count("start "), 0, "nothing starts any more");
    let asked = count("stop ");
    assert!(asked > 0 && asked < MANY);
    let stopped = said
        .iter()
        .filter(|said| said.ends_with(" stopped"))
        .count();
    assert_eq!(asked + stopped, MANY);
    for service in 0..MANY {
        rig.down(service);
    }
    assert!(rig.engine.is_over());
}
