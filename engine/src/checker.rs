use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rhai::AST;
use rhai_dispatcher_core::{Payload, Preflight, TaskError, TaskErrorKind};

use crate::build_engine::build_parser;
use crate::fiber::FiberStack;
use crate::script::{ParseGuard, parse_error, too_long};
use crate::{EngineConfig, ScriptOutline, UnknownCall};

/// Parses scripts before they are queued, so that one which can't run is refused at once. One that takes longer than
/// a second to parse is left to its worker.
///
/// It remembers the scripts that it found good, so that a script sent a million times is parsed
/// once. It can be shared between threads, whether or not Rhai's engines can.
pub struct ScriptChecker {
    /// Tells the parsers of this checker from those of others.
    id: u64,
    config: EngineConfig,
    hasher: RandomState,
    good: Mutex<Good>,
    /// Stacks to parse on, since nested scripts may take more than a caller's thread has.
    stacks: Mutex<Vec<FiberStack>>,
}

/// The hashes of good scripts. Two scripts with one hash do no harm: a worker parses them again.
#[derive(Default)]
struct Good {
    hashes: HashSet<u64, foldhash::fast::RandomState>,
    order: VecDeque<u64>,
}

/// How many good scripts are remembered.
const MAX_REMEMBERED: usize = 16 * 1024;
/// How much of scripts a caller's thread parses itself: in 1 ms at most, where a thread that is woken takes 10 to
/// 50 µs, and a usual script of that length is parsed in 200 µs.
const INLINE_BYTES: usize = 4 * 1024;
/// How many stacks are kept; more are made while more threads parse.
const MAX_STACKS: usize = 4;
/// How many parsers a thread keeps.
const MAX_PARSERS: usize = 4;

thread_local! {
    /// The parsers of this thread, with the checkers that they belong to. An engine may not leave
    /// its thread, and making one for each script would cost more than parsing it.
    static PARSERS: RefCell<VecDeque<(u64, Rc<rhai::Engine>)>> = const { RefCell::new(VecDeque::new()) };
}

impl ScriptChecker {
    /// A checker that agrees with workers of the same configuration.
    #[must_use]
    pub fn new(config: EngineConfig) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            config,
            hasher: RandomState::new(),
            good: Mutex::default(),
            stacks: Mutex::default(),
        }
    }

    /// Parses `source`.
    ///
    /// # Errors
    /// Of kind `parse` if it does not parse, and `limit` if it is too long or nested too deep.
    pub fn check_source(&self, source: &str) -> Result<(), TaskError> {
        self.check_length(source)?;
        let hash = self.hasher.hash_one(source);
        if self.good().hashes.contains(&hash) {
            return Ok(());
        }
        // The worker will parse what was not parsed here.
        let _ = self.parse(source, |_| ())?;
        self.good().insert(hash);
        Ok(())
    }

    /// Parses `source`, and returns the functions that it defines. They are not kept.
    ///
    /// # Errors
    /// As [`check_source`](Self::check_source), and of kind `limit` if it takes longer than a second to parse.
    pub fn outline(&self, source: &str) -> Result<ScriptOutline, TaskError> {
        self.check_length(source)?;
        let outline = self.parse(source, |ast| ScriptOutline::of(source, ast))?;
        outline.ok_or_else(|| TaskError::new(TaskErrorKind::Limit, "the script takes longer than a second to parse; that limit is fixed, so make the script shorter"))
    }

    /// Parses `source`, and returns the calls by name that no function is there for: they are errors when they run. None if it
    /// takes longer than a second to parse.
    ///
    /// # Errors
    /// As [`check_source`](Self::check_source).
    pub fn unknown_calls(&self, source: &str) -> Result<Vec<UnknownCall>, TaskError> {
        self.check_length(source)?;
        let parser = self.parser();
        Ok(self.parse(source, |ast| UnknownCall::all_of(ast, &parser))?.unwrap_or_default())
    }

    fn check_length(&self, source: &str) -> Result<(), TaskError> {
        match source.len() > self.config.limits.max_script_bytes {
            true => Err(too_long(source.len(), &self.config)),
            false => Ok(()),
        }
    }

    /// What `look` finds in the compiled form; `None` if it was not parsed: that takes too long, or no stack is left.
    fn parse<T>(&self, source: &str, look: impl FnOnce(&AST) -> T) -> Result<Option<T>, TaskError> {
        let parser = self.parser();
        let idle = self.stacks.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Ok(mut stack) = idle.map_or_else(|| FiberStack::map(self.config.stack_bytes()), Ok) else {
            return Ok(None);
        };
        let parsed = corosensei::on_stack(&mut stack, || {
            // Dropped here, since a deep one takes stack to drop.
            match ParseGuard::parse(&parser, source).map(|ast| look(&ast)) {
                Ok(found) => Ok(Some(found)),
                Err(error) if ParseGuard::gave_up(&error) => Ok(None),
                Err(error) => Err(parse_error(&error, &self.config)),
            }
        });
        stack.trim(0);
        let mut stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        if stacks.len() < MAX_STACKS {
            stacks.push(stack);
        }
        parsed
    }

    /// The parser of this checker on this thread.
    fn parser(&self) -> Rc<rhai::Engine> {
        let kept = PARSERS.with_borrow(|parsers| {
            let mine = parsers.iter().find(|(id, _)| *id == self.id);
            mine.map(|(_, parser)| Rc::clone(parser))
        });
        kept.unwrap_or_else(|| {
            // Not under the borrow: what an embedder set up runs in here.
            let parser = Rc::new(build_parser(&self.config));
            PARSERS.with_borrow_mut(|parsers| {
                parsers.truncate(MAX_PARSERS - 1);
                parsers.push_front((self.id, Rc::clone(&parser)));
            });
            parser
        })
    }

    fn good(&self) -> std::sync::MutexGuard<'_, Good> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Preflight for ScriptChecker {
    fn known(&self, payload: &Payload) -> bool {
        match payload {
            Payload::Script { source, .. } => {
                let hash = self.hasher.hash_one(&**source);
                self.good().hashes.contains(&hash)
            }
            _ => false,
        }
    }

    fn inline_bytes(&self) -> usize {
        INLINE_BYTES
    }

    fn check(&self, payload: &Payload) -> Result<(), TaskError> {
        match payload {
            Payload::Script { source, .. } => self.check_source(source),
            // A worker knows its methods, and what only a later version knows.
            _ => Ok(()),
        }
    }
}

impl Good {
    fn insert(&mut self, hash: u64) {
        if !self.hashes.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.hashes.remove(&oldest);
        }
    }
}

impl fmt::Debug for ScriptChecker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptChecker").field("config", &self.config).finish_non_exhaustive()
    }
}
