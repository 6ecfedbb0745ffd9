//! Each case lists entries as `name: dependency dependency`, one that is only wanted as
//! `?dependency`, one with `before = all` as `^name`, and expects `entry.dependency sentence | help`.

use super::{Dependency, DependencyKind, Found, GraphProblem, Place, Service, check};

fn entries<'a>(lines: &[&'a str]) -> Vec<Service<'a>> {
    let entry = |line: &&'a str| {
        let (name, dependencies) = line.split_once(':').unwrap();
        let base = name.strip_prefix('^');
        Service {
            name: base.unwrap_or(name),
            before_all: base.is_some(),
            dependencies: dependencies.split_whitespace().map(dependency).collect(),
        }
    };
    lines.iter().map(entry).collect()
}

fn dependency(word: &str) -> Dependency<'_> {
    let (name, kind) = match word.strip_prefix('?') {
        Some(name) => (name, DependencyKind::Wants),
        None => (word, DependencyKind::After),
    };
    Dependency { name, kind }
}

fn told(lines: &[&str]) -> Vec<String> {
    let tell = |Found { place, problem }: Found| {
        let place = match place {
            Place {
                entry,
                dependency: Some(dependency),
            } => format!("{entry}.{dependency}"),
            Place {
                entry,
                dependency: None,
            } => entry.to_string(),
        };
        format!("{place} {problem} | {}", problem.help())
    };
    check(&entries(lines)).into_iter().map(tell).collect()
}

#[test]
fn a_sound_registry_has_no_problems() {
    assert!(told(&["sdk:", "store: sdk", "tokens: store sdk", "api: tokens"]).is_empty());
    assert!(
        told(&["api: store", "store:"]).is_empty(),
        "the order of entries is free"
    );
}

#[test]
fn an_empty_registry() {
    let expected = ["0 the registry has no services | add a service: a name and a value"];
    assert_eq!(told(&[]), expected);
}

#[test]
fn malformed_names() {
    let rule = "a lower-case letter, then up to 30 of `a-z`, `0-9`, `-` and `_`";
    let expected = [
        format!("0 the service name is empty | write {rule}"),
        format!(
            "1 the service name `My Store` has the capital `M` in it | write `\"my-store\"`: {rule}"
        ),
        format!("2 the service name `2nd` does not begin with a letter | write {rule}"),
        format!("3 the service name `a`b` has ``` in it | write `\"a-b\"`: {rule}"),
    ];
    assert_eq!(told(&[":", "My Store:", "2nd:", "a`b:"]), expected);
}

#[test]
fn a_malformed_name_is_still_known_to_its_dependents() {
    assert_eq!(told(&["Store:", "api: Store"]).len(), 1);
}

#[test]
fn duplicate_names() {
    let expected = [
        "1 another service is already named `gc` | rename this one; the other is service 1 of the registry",
        "3 another service is already named `gc` | rename this one; the other is service 1 of the registry",
    ];
    assert_eq!(told(&["gc:", "gc:", "store: gc", "gc: store"]), expected);
}

#[test]
fn the_dependencies_of_a_duplicate_are_checked_but_close_no_cycle() {
    let found = check(&entries(&["a:", "b: a", "a: b c"]));
    assert_eq!(found.len(), 2);
    assert!(matches!(
        found[0].problem,
        GraphProblem::DuplicateName { first: 0, .. }
    ));
    assert!(matches!(
        found[1].problem,
        GraphProblem::UnknownDependency { .. }
    ));
}

#[test]
fn unknown_dependencies() {
    let expected = [
        "1.0 `api` depends on `stor`, which is not in the registry | did you mean `store`?",
        "1.1 `api` depends on `zzz`, which is not in the registry | add a service named `zzz`, or remove the dependency",
    ];
    assert_eq!(told(&["store:", "api: stor zzz", "gc:"]), expected);

    let alone = [
        "0.0 `api` depends on `store`, which is not in the registry | add a service named `store`, or remove the dependency",
    ];
    assert_eq!(told(&["api: store"]), alone);
}

/// The kind: a name that is proposed has to be a good one, and a name to add too.
#[test]
fn no_name_is_proposed_that_is_unrelated_or_malformed() {
    let rule = "a lower-case letter, then up to 30 of `a-z`, `0-9`, `-` and `_`";
    let expected = [
        format!("0 the service name `group/child` has `/` in it | write `\"group-child\"`: {rule}"),
        format!("1 the service name `A` has the capital `A` in it | write `\"a\"`: {rule}"),
        "1.0 `A` depends on `b`, which is not in the registry | add a service named `b`, or remove the dependency".to_owned(),
        "1.1 `A` depends on `group/chil`, which is not in the registry | write the name of a service of this registry".to_owned(),
        "1.2 `A` wants `B`, which is not in the registry | write the name of a service of this registry".to_owned(),
    ];
    assert_eq!(told(&["group/child:", "A: b group/chil ?B"]), expected);
}

/// A sentence shows its front.
#[test]
fn a_name_without_end_is_told_in_a_sentence() {
    for letter in ["a", "A", "é", "-", "aB"] {
        let name = letter.repeat(100_000);
        let told = told(&[&format!("{name}:"), &format!("b: {name}x")]);
        assert_eq!(told.len(), 2, "{letter}");
        for told in told {
            assert!(told.len() < 1000, "{letter}: {}", told.len());
        }
    }
}

#[test]
fn a_near_name_is_never_the_service_itself() {
    let expected = "0.0 `store2` depends on `store`, which is not in the registry | add a service named `store`, or remove the dependency";
    assert_eq!(told(&["store2: store", "gc:"]), [expected]);
}

#[test]
fn a_dependency_on_itself_is_no_cycle() {
    let expected = ["0.0 `api` depends on itself | remove `\"api\"` from its dependencies"];
    assert_eq!(told(&["api: api"]), expected);
}

#[test]
fn a_repeated_dependency_is_told_once_whatever_else_it_is() {
    let expected = ["1.1 `api` depends on `store` twice | remove one `\"store\"`"];
    assert_eq!(told(&["store:", "api: store store"]), expected);
    assert_eq!(told(&["store:", "api: stor stor"]).len(), 2);
    assert_eq!(told(&["api: api api"]).len(), 2);
}

#[test]
fn a_cycle_is_one_problem_at_its_first_dependency() {
    let help = "remove one of these dependencies, so that one of the services can start first";
    let cycle = |place: &str, path: &str| {
        format!("{place} services depend on each other in a cycle: `{path}` | {help}")
    };
    assert_eq!(told(&["a: b", "b: a"]), [cycle("0.0", "a -> b -> a")]);
    assert_eq!(
        told(&["z:", "top: c", "b: z c", "c: d", "d: b", "low: d"]),
        [cycle("2.1", "b -> c -> d -> b")],
        "starts at the first of its entries, wherever the walk came in"
    );
    assert_eq!(
        told(&["a: b", "b: a c", "c: d", "d: e", "e: d"]),
        [cycle("0.0", "a -> b -> a"), cycle("3.0", "d -> e -> d")],
        "`c` merely lies between two cycles"
    );
    assert_eq!(
        told(&["a: b", "b: c d", "c: a", "d: a"]),
        [
            cycle("0.0", "a -> b -> c -> a"),
            cycle("0.0", "a -> b -> d -> a")
        ],
        "two cycles may share a dependency"
    );
}

#[test]
fn what_is_only_wanted_is_checked_alike() {
    let expected = [
        "1.0 `api` wants `cach`, which is not in the registry | did you mean `cache`?",
        "1.1 `api` wants itself | remove `\"api\"` from its `wants`",
        "1.3 `api` wants `store` twice | remove one `\"store\"`",
    ];
    let lines = ["store:", "api: ?cach ?api ?store ?store", "cache:"];
    assert_eq!(told(&lines), expected);

    let alone = "0.0 `api` wants `store`, which is not in the registry | add a service named `store`, or remove it from `wants`";
    assert_eq!(told(&["api: ?store"]), [alone]);
}

#[test]
fn a_service_is_needed_or_only_wanted_whichever_is_listed_first() {
    let expected = "1.1 `api` has `store` in its `after` and in its `wants` | remove one `\"store\"`: with `after` it fails where that fails, with `wants` it goes on";
    assert_eq!(told(&["store:", "api: store ?store"]), [expected]);
    assert_eq!(told(&["store:", "api: ?store store"]), [expected]);
    assert_eq!(told(&["store:", "api: stor ?stor"]).len(), 2);
}

#[test]
fn a_cycle_may_go_through_both_kinds() {
    let help = "remove one of these from an `after` or a `wants`, so that one of the services can start first";
    let cycle = |place: &str, path: &str| {
        format!("{place} services depend on each other in a cycle: `{path}` | {help}")
    };
    assert_eq!(told(&["a: ?b", "b: ?a"]), [cycle("0.0", "a -> b -> a")]);
    assert_eq!(
        told(&["z:", "c: z b", "b: ?z ?a", "a: c"]),
        [cycle("1.1", "c -> b -> a -> c")]
    );
}

#[test]
fn a_suggestion_is_nothing_that_is_listed_in_either_way() {
    let expected = "2.2 `api` wants `stor`, which is not in the registry | add a service named `stor`, or remove it from `wants`";
    assert_eq!(
        told(&["store:", "stork:", "api: store ?stork ?stor", "gc:"]),
        [expected]
    );
}

#[test]
fn base_services_may_depend_on_each_other_and_be_named_by_all() {
    assert!(told(&["^log:", "^sdk: log ?trace", "^trace:", "api: sdk ?trace"]).is_empty());
    let expected = "1.0 services depend on each other in a cycle: `sdk -> log -> sdk` | remove one of these dependencies, so that one of the services can start first";
    assert_eq!(told(&["api:", "^sdk: log", "^log: sdk"]), [expected]);
    let expected = "0.0 services depend on each other in a cycle: `sdk -> log -> sdk` | remove one of these from an `after` or a `wants`, so that one of the services can start first";
    assert_eq!(told(&["^sdk: ?log", "^log: sdk"]), [expected]);
}

#[test]
fn a_base_service_that_depends_on_another_is_a_cycle() {
    let expected = |list| {
        format!(
            "1.0 services depend on each other in a cycle: `sdk -> store -> sdk`, because `sdk` has `before = all` | remove `\"store\"` from the `{list}` of `sdk`, or write `before = all` for `store` too"
        )
    };
    assert_eq!(told(&["store:", "^sdk: store"]), [expected("after")]);
    assert_eq!(told(&["store:", "^sdk: ?store"]), [expected("wants")]);
    assert_eq!(
        told(&["store: sdk", "^sdk: store"]),
        [expected("after")],
        "one mistake, though the cycle is there twice"
    );
}

#[test]
fn all_problems_come_at_once_in_source_order() {
    let kinds: Vec<_> = check(&entries(&["A: x", "b: c b", "c: b b", "A: c"]))
        .into_iter()
        .map(|found| (found.place.entry, found.place.dependency))
        .collect();
    let expected = [
        (0, None),
        (0, Some(0)),
        (1, Some(0)),
        (1, Some(1)),
        (2, Some(1)),
        (3, None),
    ];
    assert_eq!(kinds, expected);
}

/// The names `s0`, `s1`, .. of a registry too long for recursion and for anything quadratic.
fn many() -> Vec<String> {
    (0..100_000).map(|index| format!("s{index}")).collect()
}

#[test]
fn a_long_chain_is_sound_and_a_long_cycle_is_one_problem() {
    let names = many();
    let mut chain: Vec<_> = names
        .iter()
        .map(|name| Service {
            name,
            before_all: false,
            dependencies: Vec::new(),
        })
        .collect();
    for (index, name) in names.iter().enumerate().skip(1) {
        // Every other one is only wanted: both kinds are steps.
        chain[index - 1].dependencies.push(Dependency {
            name,
            kind: [DependencyKind::After, DependencyKind::Wants][index % 2],
        });
    }
    assert_eq!(check(&chain), []);

    chain[names.len() - 1]
        .dependencies
        .push(dependency(&names[0]));
    let found = check(&chain);
    assert_eq!(found.len(), 1);
    assert!(
        matches!(&found[0].problem, GraphProblem::Cycle { path, .. } if path.len() == names.len() + 1)
    );
}

#[test]
fn a_long_tangle_stays_linear() {
    let names = many();
    let count = names.len();
    let tangle: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let dependencies = [
                &names[(index + 1) % count],
                &names[index * 7 % count],
                "nil",
            ];
            Service {
                name,
                before_all: false,
                dependencies: dependencies.map(dependency).into(),
            }
        })
        .collect();
    assert!(
        check(&tangle).len() >= count,
        "every unknown dependency is told"
    );
}
