use clap::Args;
use futures::executor::block_on;
use rhai_dispatcher::WorkerId;
use rhai_dispatcher::transport::InstanceInfo;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, worker_id};
use crate::report::{Column, Console, Results, Table, json};

/// List the living workers
///
/// Each running `rhaid worker` is an instance with an id of its own. CLAIMED counts the tasks that it
/// holds. LEASE UNTIL is the time, by the server's clock, at which the instance counts as dead unless it renews its
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

fn table(instances: &[InstanceInfo]) -> Table<4> {
    use Column::{Number, Text};
    let columns = [Text("WORKER"), Text("INSTANCE"), Number("CLAIMED"), Text("LEASE UNTIL")];
    let mut table = Table::new(columns);
    for instance in instances {
        table.row([
            instance.worker_id.to_string(),
            instance.instance.to_string(),
            instance.claimed.to_string(),
            instance.alive_until.to_string(),
        ]);
    }
    table
}
