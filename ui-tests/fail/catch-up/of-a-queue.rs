use lifecycle::{Context, Intake, Queue, Result, service};

#[service(queue(size = 10, interval = "1s", catch_up = "1d"))]
struct Batches {
    intake: Intake<u8>,
}

impl Queue for Batches {
    type Item = u8;

    fn intake(&self) -> &Intake<u8> {
        &self.intake
    }

    async fn flush(&self, _: &[u8], _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
