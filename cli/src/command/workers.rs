use clap::Args;
use futures::executor::block_on;
use rhai_dispatcher::WorkerId;
use rhai_dispatcher::dispatcher::InstanceDescription;
use rhai_dispatcher::transport::InstanceInfo;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, worker_id};
use crate::report::{Column, Console, Results, Table, cut, json};

/// List the living workers
///
/// Each running `rhaid worker` is an instance with an id of its own. HOST and PID name its process, THREADS counts the
/// threads that run scripts, and STARTED is its start, all by its first report. CLAIMED counts the tasks that it
/// holds. STATE is draining once it claims nothing more, since it is to end. LEASE UNTIL is the time, by the server's clock, at which the instance counts as dead unless it renews its
/// lease.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct WorkersCommand {
    /// List only the workers that serve this worker id
    #[arg(long = "worker", value_name = "ID", value_parser = worker_id)]
    worker_id: Option<WorkerId>,

    #[command(flatten)]
    server: ServerArgs,

    /// Print a line of JSON for each worker
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Exit code:
  0 if the workers are listed, 2 if the command line is wrong, 3 if the server can't be reached or refuses";

impl WorkersCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let instances = dispatcher.transport().instances(self.worker_id.as_ref()).await;
        let mut instances = instances.map_err(|error| server.explain(error))?;
        instances.sort_by(|a, b| (&a.worker_id, a.instance).cmp(&(&b.worker_id, b.instance)));
        let results = Results::new(Console::detect());
        Ok(if self.json {
            results.lines(instances.iter().map(json))
        } else {
            results.lines(table(&instances).lines())
        })
    }
}

fn table(instances: &[InstanceInfo]) -> Table<9> {
    use Column::{Number, Text};
    /// The longest name of a machine, in characters.
    const MAX_HOST: usize = 32;
    let mut table = Table::new([
        Text("WORKER"),
        Text("INSTANCE"),
        Text("HOST"),
        Number("PID"),
        Number("THREADS"),
        Text("STARTED"),
        Number("CLAIMED"),
        Text("STATE"),
        Text("LEASE UNTIL"),
    ]);
    for instance in instances {
        let text = instance.description.as_ref();
        let described: Option<InstanceDescription> =
            text.and_then(|text| serde_json::from_str(text.as_str()).ok());
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        table.row([
            instance.worker_id.to_string(),
            instance.instance.to_string(),
            described.as_ref().map(|described| cut(&described.host, MAX_HOST)).unwrap_or_default(),
            number(described.as_ref().map(|described| u64::from(described.pid))),
            number(described.as_ref().map(|described| described.threads as u64)),
            instance.started_at.map(|time| time.to_string()).unwrap_or_default(),
            instance.claimed.to_string(),
            if described.is_some_and(|described| described.draining) { "draining" } else { "serving" }
                .to_owned(),
            instance.alive_until.to_string(),
        ]);
    }
    table
}
