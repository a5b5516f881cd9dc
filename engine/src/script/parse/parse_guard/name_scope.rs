use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// The names that the parser knows at a token, as hashes, and the functions around the token that use them.
pub(super) struct NameScope {
    /// The functions and closures around the token, outermost first; the first is the script.
    functions: Vec<FunctionScope>,
    /// The names in scope in the order of their declaration, each with the index that the same name had before.
    declared: Vec<(u64, Option<usize>)>,
    /// The index in `declared` of each name in scope.
    indices: HashMap<u64, usize, BuildHasherDefault<HashOfHash>>,
    /// Variables that outlive the block that they are defined in, as those of the cases of a `switch`.
    outliving: usize,
}

/// A function or a closure.
struct FunctionScope {
    /// How many names were in scope when it began.
    declared: usize,
    /// Whether it is a closure, which captures variables.
    is_closure: bool,
    /// The names that it uses and did not declare.
    names: HashSet<u64, BuildHasherDefault<HashOfHash>>,
}

/// How many names functions use without a declaration of their own, after one more use.
pub(super) struct Undeclared {
    /// The most variables that a closure around the use captures.
    pub(super) captured: usize,
    /// The names of the function around the use that are defined nowhere.
    pub(super) unknown: usize,
}

/// The hasher for keys that are hashes already.
#[derive(Default)]
struct HashOfHash(u64);

impl NameScope {
    pub(super) fn new() -> Self {
        let script = FunctionScope { declared: 0, is_closure: false, names: HashSet::default() };
        Self { functions: vec![script], declared: Vec::new(), indices: HashMap::default(), outliving: 0 }
    }

    /// The number of names in scope, to give to [`forget_from`](Self::forget_from) at the end of a block.
    pub(super) const fn len(&self) -> usize {
        self.declared.len()
    }

    /// The number of variables that exist at one time, those included that outlive their blocks.
    pub(super) const fn variables(&self) -> usize {
        self.declared.len() + self.outliving
    }

    /// Counts a variable that outlives its block.
    pub(super) const fn add_outliving(&mut self) {
        self.outliving += 1;
    }

    pub(super) fn begin_function(&mut self, is_closure: bool) {
        self.functions.push(FunctionScope {
            declared: self.declared.len(),
            is_closure,
            names: HashSet::default(),
        });
    }

    pub(super) fn end_function(&mut self) {
        if let Some(function) = self.functions.pop() {
            self.forget_from(function.declared);
        }
    }

    /// Notes the use of a variable: each closure around the use captures it, up to the function that declared it.
    pub(super) fn use_name(&mut self, name: u64) -> Undeclared {
        let declared = self.indices.get(&name).copied();
        let mut undeclared = Undeclared { captured: 0, unknown: 0 };
        for function in self.functions.iter_mut().rev() {
            if declared.is_some_and(|index| index >= function.declared) {
                break;
            }
            function.names.insert(name);
            if !function.is_closure {
                undeclared.unknown = function.names.len();
                break;
            }
            undeclared.captured = undeclared.captured.max(function.names.len());
        }
        undeclared
    }

    /// Declares a name in the block that began with so many names in scope. A name that the block has declared before
    /// takes no further place, unless `always`.
    pub(super) fn declare(&mut self, name: u64, block: usize, always: bool) {
        let block = block.max(self.functions.last().map_or(0, |function| function.declared));
        if !always && self.indices.get(&name).is_some_and(|index| *index >= block) {
            return;
        }
        let before = self.indices.insert(name, self.declared.len());
        self.declared.push((name, before));
    }

    /// Removes the names that were declared after the first `len`.
    pub(super) fn forget_from(&mut self, len: usize) {
        while self.declared.len() > len {
            match self.declared.pop() {
                Some((name, Some(before))) => self.indices.insert(name, before),
                Some((name, None)) => self.indices.remove(&name),
                None => return,
            };
        }
    }
}

impl Hasher for HashOfHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("it is for hashes only");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
