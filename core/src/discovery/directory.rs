use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{HandlerInfo, HandlerStatus, HandlerType, InstanceDescription, MethodInfo, MethodStatus};
use crate::{
    Counters, Figures, InstanceId, InstanceInfo, InstanceReport, Invalid, MethodFigures, MethodName,
    WallTime, WorkerId, nearest,
};

/// What the living instances have announced.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// By worker id; of one worker id the instance that was started last comes first.
    instances: Vec<(InstanceInfo, InstanceDescription)>,
    by_method: HashMap<MethodName, WithMethod>,
}

/// The worker ids that have a method.
#[derive(Debug, Default)]
struct WithMethod {
    own: BTreeSet<WorkerId>,
    /// Those where it is built in.
    built_in: BTreeSet<WorkerId>,
}

impl Directory {
    pub(crate) fn of(mut instances: Vec<InstanceInfo>) -> Self {
        instances.sort_by(|one, other| {
            let key = |info: &InstanceInfo| (Reverse(info.started_at), info.instance);
            (&one.worker_id, key(one)).cmp(&(&other.worker_id, key(other)))
        });
        let mut directory = Self::default();
        for info in instances {
            let description = info.description.as_ref().map(|text| InstanceDescription::parse(text.as_str()));
            let description = description.unwrap_or_default();
            for handler in &description.handlers {
                for method in &handler.methods {
                    let with = directory.by_method.entry(method.name.clone()).or_default();
                    if handler.typ == HandlerType::BuiltIn {
                        with.built_in.insert(info.worker_id.clone());
                    } else {
                        with.own.insert(info.worker_id.clone());
                    }
                }
            }
            directory.instances.push((info, description));
        }
        directory
    }

    /// The worker ids, each once.
    pub(crate) fn worker_ids(&self) -> Vec<WorkerId> {
        let ids: BTreeSet<_> = self.instances.iter().map(|(info, _)| &info.worker_id).collect();
        ids.into_iter().cloned().collect()
    }

    /// The worker id of those that `among` holds for that has a method; `None` if none has. Methods that are built in are alike everywhere: one worker id
    /// of several is taken then.
    ///
    /// # Errors
    /// If it is a method of several worker ids.
    pub(crate) fn find(
        &self,
        method: &MethodName,
        among: impl Fn(&WorkerId) -> bool,
    ) -> Result<Option<&WorkerId>, Invalid> {
        let Some(WithMethod { own, built_in }) = self.by_method.get(method) else { return Ok(None) };
        let own: Vec<_> = own.iter().filter(|id| among(id)).collect();
        if own.len() > 1 {
            /// More are not named.
            const MAX_NAMED: usize = 10;
            let names: Vec<_> = own.iter().take(MAX_NAMED).map(|id| format!("`{id}`")).collect();
            let others = if own.len() > MAX_NAMED { " and others" } else { "" };
            let problem =
                format!("is missing, and {}{others} all have a method `{method}`", names.join(", "));
            return Err(Invalid::new("worker_id", problem, "name one of them with worker_id(...)"));
        }
        Ok(own.first().copied().or_else(|| built_in.iter().find(|id| among(id))))
    }

    /// A method that an unknown name may have been meant for, of those that `among` holds for on one of its worker ids.
    pub(crate) fn nearest(
        &self,
        method: &MethodName,
        among: impl Fn(&MethodName, &WorkerId) -> bool,
    ) -> Option<&str> {
        /// More are not looked through, since any caller can make the dispatcher look.
        const MAX_NAMES: usize = 10_000;
        let is_among = |(name, with): &(&MethodName, &WithMethod)| {
            with.own.iter().chain(&with.built_in).any(|id| among(name, id))
        };
        let names = self.by_method.iter().take(MAX_NAMES).filter(is_among);
        nearest(method.as_str(), names.map(|(name, _)| name.as_str()))
    }

    /// The handlers of a worker id, by name, with `figures`. Those that are built in are left out.
    pub(crate) fn handlers(&self, worker_id: &WorkerId, figures: &[MethodFigures]) -> Vec<HandlerStatus> {
        let figures: BTreeMap<&str, &MethodFigures> = figures.iter().map(|one| (&*one.name, one)).collect();
        let mut merged: BTreeMap<&str, Merged<'_>> = BTreeMap::new();
        let mut in_flight: BTreeMap<&str, u64> = BTreeMap::new();
        for (info, description) in self.instances.iter().filter(|(info, _)| info.worker_id == *worker_id) {
            for (name, count) in &info.in_flight {
                *in_flight.entry(name).or_default() += count;
            }
            let own = description.handlers.iter().filter(|handler| handler.typ != HandlerType::BuiltIn);
            for handler in own {
                let entry = merged.entry(&handler.name).or_insert_with(|| Merged::new(handler));
                entry.instances.push(info.instance);
                for method in &handler.methods {
                    entry
                        .methods
                        .entry(&method.name)
                        .or_insert_with(|| (method, Vec::new()))
                        .1
                        .push(info.instance);
                }
            }
        }
        let sums = Sums { figures, in_flight };
        let mut all: Vec<_> =
            merged.into_values().map(|merged| merged.into_status(worker_id, &sums)).collect();
        all.extend(sums.other(worker_id));
        all
    }
}

/// A handler as several instances have it.
struct Merged<'a> {
    info: &'a HandlerInfo,
    instances: Vec<InstanceId>,
    methods: BTreeMap<&'a MethodName, (&'a MethodInfo, Vec<InstanceId>)>,
}

impl<'a> Merged<'a> {
    const fn new(info: &'a HandlerInfo) -> Self {
        Self { info, instances: Vec::new(), methods: BTreeMap::new() }
    }

    fn into_status(self, worker_id: &WorkerId, sums: &Sums<'_>) -> HandlerStatus {
        let Self { info, instances, methods } = self;
        let figures = sums.of(methods.keys().map(|name| name.as_str()));
        let methods = methods.into_iter().map(|(name, (info, instances))| MethodStatus {
            info: info.clone(),
            instances,
            figures: sums.of([name.as_str()]),
        });
        HandlerStatus {
            worker_id: worker_id.clone(),
            name: info.name.clone(),
            description: info.description.clone(),
            typ: info.typ,
            threads: info.threads,
            file: info.file.clone(),
            instances,
            methods: methods.collect(),
            figures,
        }
    }
}

/// What was counted for a worker id, by the names of methods.
struct Sums<'a> {
    figures: BTreeMap<&'a str, &'a MethodFigures>,
    in_flight: BTreeMap<&'a str, u64>,
}

impl Sums<'_> {
    /// The figures of several methods together.
    fn of<'m>(&self, methods: impl IntoIterator<Item = &'m str>) -> Figures {
        let (mut counters, mut in_flight, mut last): (_, _, Option<WallTime>) =
            (Counters::default(), 0, None);
        for method in methods {
            in_flight += self.in_flight.get(method).copied().unwrap_or(0);
            if let Some(figures) = self.figures.get(method) {
                counters.add(&figures.counters);
                last = last.max(Some(figures.last_activity));
            }
        }
        Figures::of(&counters, in_flight, last)
    }

    /// The calls without figures of their own, if there are any.
    fn other(&self, worker_id: &WorkerId) -> Option<HandlerStatus> {
        let figures = self.of([InstanceReport::OTHER]);
        (figures.calls + figures.in_flight > 0).then(|| HandlerStatus {
            worker_id: worker_id.clone(),
            name: InstanceReport::OTHER.to_owned(),
            description:
                "Calls without figures of their own: of unknown methods, and of those beyond max_figures."
                    .to_owned(),
            typ: HandlerType::Other,
            threads: 0,
            file: None,
            instances: Vec::new(),
            methods: Vec::new(),
            figures,
        })
    }
}

/// A method that no living instance has. `meant`: the one that may have been meant.
pub(crate) fn unserved(method: &MethodName, meant: Option<&str>) -> Invalid {
    let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let problem = format!("is missing, and no living worker has announced a method `{method}`{meant}");
    Invalid::new(
        "worker_id",
        problem,
        "name the queue with worker_id(...), or start a worker with this method",
    )
}

/// A handler that is not announced; `whose` names where it was looked for.
pub(crate) fn not_a_handler(name: &str, whose: &str) -> Invalid {
    let shown: String = name.chars().take(64).collect();
    let problem = format!("{shown:?} is not a handler of {whose}");
    Invalid::new("name", problem, "get_handlers() lists those that there are")
}

/// Two worker ids with a handler of one name.
pub(crate) fn ambiguous(name: &str, found: &[Arc<str>]) -> Invalid {
    let problem = format!("{name:?} is a handler of the worker ids {}", found.join(", "));
    Invalid::new("name", problem, "name one of them with get_handler_of(...)")
}
