//! The looks at nodes that a start and a stop take. They grow with services and edges, and with nothing else.

use super::*;

/// Which services a service depends on: `(services, service)`.
type Order = fn(u32, u32) -> Vec<u32>;

const CHAIN: Order = |_, service| service.checked_sub(1).into_iter().collect();
const FAN: Order = |_, service| (service > 0).then_some(0).into_iter().collect();
const JOIN: Order = |services, service| (0..service).filter(|_| service + 1 == services).collect();

/// Layers of ten, each of which depends on the whole layer below.
const LAYERS: Order = |_, service| {
    let layer = service / 10 * 10;
    (layer.saturating_sub(10)..layer).collect()
};

/// The first half is a chain. Each of the second half depends on the end of that chain.
const CHAIN_BELOW_FAN: Order = |services, service| {
    let on = service.min(services / 2).checked_sub(1);
    on.into_iter().collect()
};

/// What a service does once it is started.
type Deed = fn(u32, u32) -> Does;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Run,
    /// It is a oneshot.
    Succeed,
    Fail,
}

const RUN: Deed = |_, _| Does::Run;
const FIRST_FAILS: Deed = |_, service| if service == 0 { Does::Fail } else { Does::Run };
const HALF_SUCCEEDS: Deed = |services, service| {
    if service < services / 2 {
        Does::Succeed
    } else {
        Does::Run
    }
};
const ALL_BUT_THE_FIRST_OF_HALF_SUCCEED: Deed = |services, service| {
    if service > 0 {
        HALF_SUCCEEDS(services, service)
    } else {
        Does::Run
    }
};

/// The looks from the start of so many services to the end of their stop.
fn looks(services: u32, order: Order, deed: Deed, policy: OnFailure) -> usize {
    let edge = |service| Edge {
        service,
        kind: DependencyKind::After,
        restarts: false,
    };
    let dependencies: Vec<Vec<Edge>> = (0..services)
        .map(|service| order(services, service).into_iter().map(edge).collect())
        .collect();
    let settings = (0..services).map(|service| ServiceSettings {
        oneshot: deed(services, service) == Does::Succeed,
        on_failure: policy,
        ..SETTINGS
    });
    let limits = RegistrySettings::default();
    let origin = Instant::now();
    let mut rig = Rig {
        engine: Engine::new(Arc::new(Graph::new(&dependencies)), settings, limits),
        origin,
        now: origin,
    };
    rig.engine.begin(rig.now);
    carry_out(&mut rig, services, deed);
    rig.engine.stop(rig.now);
    carry_out(&mut rig, services, deed);
    assert!(rig.engine.is_over());
    rig.engine.nodes.looks()
}

fn carry_out(rig: &mut Rig, services: u32, deed: Deed) {
    let mut commands = Vec::new();
    loop {
        rig.engine.take_commands(&mut commands);
        if commands.is_empty() {
            return;
        }
        for command in commands.drain(..) {
            match command {
                Command::Start(service) => match deed(services, service as u32) {
                    Does::Run => rig.engine.ready(service, rig.now),
                    Does::Succeed => rig.engine.down(service, false, rig.now),
                    Does::Fail => {
                        rig.report_failure(service);
                        rig.engine.down(service, false, rig.now);
                    }
                },
                Command::Stop(service, _) => rig.engine.down(service, false, rig.now),
                _ => {}
            }
        }
    }
}

#[track_caller]
fn assert_linear(order: Order, deed: Deed, policy: OnFailure) {
    let [one, two, three] = [1_000, 2_000, 3_000].map(|many| looks(many, order, deed, policy));
    assert_eq!(two - one, three - two, "{one}, {two}, {three}");
}

#[test]
fn a_start_and_a_stop_take_steps_for_each_service_and_edge_once() {
    for order in [CHAIN, FAN, JOIN, LAYERS, CHAIN_BELOW_FAN] {
        assert_linear(order, RUN, OnFailure::Shutdown);
    }
}

#[test]
fn a_failure_at_the_bottom_takes_steps_for_each_dependent_once() {
    for policy in [OnFailure::Shutdown, OnFailure::Ignore] {
        for order in [CHAIN, FAN, LAYERS] {
            assert_linear(order, FIRST_FAILS, policy);
        }
    }
}

#[test]
fn services_that_are_down_are_not_searched_again_for_each_above_them() {
    for deed in [HALF_SUCCEEDS, ALL_BUT_THE_FIRST_OF_HALF_SUCCEED] {
        for order in [CHAIN, LAYERS, CHAIN_BELOW_FAN] {
            assert_linear(order, deed, OnFailure::Shutdown);
        }
    }
}
