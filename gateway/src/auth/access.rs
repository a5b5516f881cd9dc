/// What a route or a method needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Nothing: it is for everyone who can connect.
    Public,
    /// An identity: it reads.
    Read,
    /// The right to call methods.
    Call,
    /// The right to run scripts.
    Scripts,
    /// The role `admin`.
    Admin,
}

impl Access {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Public, Self::Read, Self::Call, Self::Scripts, Self::Admin];

    /// The access as it is written in errors and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Read => "read",
            Self::Call => "call",
            Self::Scripts => "scripts",
            Self::Admin => "admin",
        }
    }
}
