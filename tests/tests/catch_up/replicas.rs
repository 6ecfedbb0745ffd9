//! Registries that share a memory, as replicas do.

use std::time::Duration;

use lifecycle::registry;
use tokio::time::sleep;

use crate::job::{Hourly, World, settle, stop};

#[tokio::test(start_paused = true)]
async fn of_replicas_that_share_a_memory_one_runs_each_point() {
    for _ in 0..20 {
        let world = World::new();
        let mut replicas = Vec::new();
        for _ in 0..3 {
            let memory = world.store.clone();
            replicas.push(world.start(registry! {
                memory = memory,
                "job" => Hourly(world.notes.clone()),
            }));
            sleep(Duration::from_secs(fastrand::u64(0..600))).await;
        }
        world.reach(400).await;
        let points: Vec<u64> = world.notes.ran().iter().map(|ran| ran.0).collect();
        assert_eq!(points, [60, 120, 180, 240, 300, 360]);
        for replica in replicas {
            stop(replica).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whenever_processes_come_and_go_no_point_is_run_twice_and_none_in_time_is_left_out() {
    for _ in 0..300 {
        let world = World::new();
        let mut hours = 0;
        while hours < 12 {
            let running = world.hourly();
            sleep(Duration::from_secs(fastrand::u64(1..10_000))).await;
            settle().await;
            stop(running).await;
            sleep(Duration::from_secs(fastrand::u64(0..10_000))).await;
            let since = world.clock.now().duration_since(crate::job::start());
            hours = since.unwrap().as_secs() / 3600;
        }
        let running = world.hourly();
        settle().await;
        stop(running).await;
        let ran = world.notes.ran();
        let mut points: Vec<u64> = ran.iter().map(|ran| ran.0).collect();
        let sorted = points.clone();
        points.sort_unstable();
        points.dedup();
        assert_eq!(points, sorted, "in order, and once each");
        let stood_for: u64 = ran.iter().map(|ran| 1 + ran.2).sum();
        assert_eq!(
            stood_for, hours,
            "each has a tick that stands for it: {ran:?}"
        );
        assert!(world.skipped().is_empty());
    }
}
