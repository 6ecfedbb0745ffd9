//! Replicas of an application whose registry has its leases on PostgreSQL.

use std::process::Command;
use std::time::Instant;

use replica_tests::replica::Replica;
use replica_tests::server::Server;

fn replica(server: &Server, name: &str) -> Replica {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leader"));
    Replica::start(name, command.args([&server.url(), name]))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_replicas_one_leads_and_another_follows_when_it_stops_is_killed_or_is_frozen() {
    let server = Server::start();
    let client = server.client().await;
    client
        .batch_execute("create table writes (id bigserial, token bigint, holder text)")
        .await
        .unwrap();
    let mut began = Instant::now();
    let mut leader = replica(&server, "replica 0");
    leader.until("leads", began);
    for (number, signal) in ["-TERM", "-KILL", "-STOP"].into_iter().enumerate() {
        let next = replica(&server, &format!("replica {}", number + 1));
        next.until("up", began);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert!(next.when("leads", began).is_none(), "two at once");
        began = Instant::now();
        leader.signal(signal);
        let leads = next.until("leads", began);
        println!("after {signal}: {:?}", leads - began);
        if signal == "-STOP" {
            leader.signal("-CONT");
            leader.until("drained", began);
        }
        leader = next;
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let written = "select count(distinct holder), count(*) filter (where token < newest) from
        (select holder, token, max(token) over (order by id) as newest from writes) as w";
    let row = client.query_one(written, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (4, 0));
}
