use std::net::IpAddr;
use std::time::Duration;

use rhai_dispatcher::{Invalid, WorkerId};

use super::limit_table::limit_table;
use super::limit_value::LimitValue;

/// A limit of the gateway, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitInfo {
    /// The name, such as `max_connections`.
    pub name: &'static str,
    /// What it limits, and what exceeds it.
    pub about: &'static str,
    /// The default, as [`GatewayConfig::set`] reads it: a number; of seconds if it is a time.
    pub default: String,
    /// Whether it is a time.
    pub is_time: bool,
}

macro_rules! config {
    ($($name:ident $with:ident: $type:ty = $default:expr, $about:literal;)*) => {
        /// The settings of a gateway.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct GatewayConfig {
            $(
                #[doc = $about]
                #[doc = concat!("\n\nDefault: `", stringify!($default), "`.")]
                pub $name: $type,
            )*
            /// Where scripts go that name no worker id. Default: they are refused.
            pub default_worker_id: Option<WorkerId>,
            /// Names that the header `Host` may have, beside `localhost` and addresses. Default: none.
            pub allowed_hosts: Vec<String>,
            /// Addresses of proxies whose headers `x-forwarded-for`, `x-forwarded-proto` and `x-forwarded-prefix` are
            /// believed. Default: none.
            pub trusted_proxies: Vec<IpAddr>,
            /// Origins of pages elsewhere that may call the gateway from a browser, such as `https://shop.example`.
            /// Default: none.
            pub allowed_origins: Vec<String>,
            /// Whether the audit log has calls of methods too. Default: false: it grows with the load, and the records of tasks
            /// name their callers.
            pub audit_calls: bool,
        }

        impl GatewayConfig {
            /// All limits, in the order of the fields.
            #[must_use]
            pub fn limits() -> Vec<LimitInfo> {
                let default = Self::default();
                vec![$(LimitInfo {
                    name: stringify!($name),
                    about: $about,
                    default: default.$name.show(),
                    is_time: <$type>::IS_TIME,
                }),*]
            }

            $(
                #[doc = concat!("Sets [`", stringify!($name), "`](Self::", stringify!($name), ").")]
                #[must_use]
                pub fn $with(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )*

            /// Sets the limit of that name to a number in decimal: of seconds for a time, and a whole one for all others.
            ///
            /// # Errors
            /// If no limit has that name, or the value is not such a number, is zero, or more than can be.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), Invalid> {
                match name {
                    $(stringify!($name) => self.$name = parsed(stringify!($name), value)?,)*
                    _ => {
                        let names = [$(stringify!($name)),*].join(", ");
                        let shown: String = name.chars().take(48).collect();
                        let problem = format!("no limit is named {shown:?}");
                        return Err(Invalid::new("limit", problem, format!("use one of {names}")));
                    }
                }
                Ok(())
            }

            /// # Errors
            /// If a limit is zero, or more than can be; if a name or an origin is none.
            pub(crate) fn check(&self) -> Result<(), Invalid> {
                $(check_one(stringify!($name), &self.$name)?;)*
                self.allowed_hosts.iter().try_for_each(|host| check_host(host))?;
                self.allowed_origins.iter().try_for_each(|origin| check_origin(origin))
            }
        }

        impl Default for GatewayConfig {
            fn default() -> Self {
                Self {
                    $($name: $default,)*
                    default_worker_id: None,
                    allowed_hosts: Vec::new(),
                    allowed_origins: Vec::new(),
                    trusted_proxies: Vec::new(),
                    audit_calls: false,
                }
            }
        }
    };
}

limit_table!(config);

fn parsed<T: LimitValue>(name: &'static str, value: &str) -> Result<T, Invalid> {
    let parsed = T::parse(value).map_err(|problem| Invalid::new(name, problem, hint::<T>()))?;
    check_one(name, &parsed)?;
    Ok(parsed)
}

fn check_one<T: LimitValue>(name: &'static str, value: &T) -> Result<(), Invalid> {
    if value.is_zero() {
        return Err(Invalid::new(name, "is zero", hint::<T>()));
    }
    if value.is_too_much() {
        let problem = format!("{} is above {}", value.show(), T::most());
        return Err(Invalid::new(name, problem, hint::<T>()));
    }
    Ok(())
}

/// A name with a port, or with the scheme of a URL, would never be that of a request.
fn check_host(host: &str) -> Result<(), Invalid> {
    match host.is_empty() || host.contains(['/', ':', '@', ' ']) {
        true => {
            let problem = format!("{host:?} is not the name of a host");
            Err(Invalid::new(
                "allowed_hosts",
                problem,
                "give it without a scheme and a port, such as rhai.example",
            ))
        }
        false => Ok(()),
    }
}

/// Browsers send a scheme and a host, and the port if it is not that of the scheme: with a path it would never match.
fn check_origin(origin: &str) -> Result<(), Invalid> {
    let is_one = origin.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*'])
    });
    match is_one {
        true => Ok(()),
        false => {
            let hint = "give it as browsers send it: the scheme, the host, and a port that is not that of the scheme, without a \
                        path, such as https://shop.example";
            Err(Invalid::new("allowed_origins", format!("{origin:?} is not an origin"), hint))
        }
    }
}

const fn hint<T: LimitValue>() -> &'static str {
    match T::IS_TIME {
        true => "give a number of seconds above zero, such as 2.5",
        false => "give a whole number above zero",
    }
}

impl GatewayConfig {
    /// Sets [`default_worker_id`](Self::default_worker_id).
    #[must_use]
    pub fn with_default_worker_id(mut self, worker_id: WorkerId) -> Self {
        self.default_worker_id = Some(worker_id);
        self
    }

    /// Sets [`audit_calls`](Self::audit_calls).
    #[must_use]
    pub fn with_audit_calls(mut self, audit_calls: bool) -> Self {
        self.audit_calls = audit_calls;
        self
    }

    /// Adds a name to [`allowed_hosts`](Self::allowed_hosts).
    #[must_use]
    pub fn with_allowed_host(mut self, host: impl Into<String>) -> Self {
        self.allowed_hosts.push(host.into());
        self
    }

    /// Adds an address to [`trusted_proxies`](Self::trusted_proxies).
    #[must_use]
    pub fn with_trusted_proxy(mut self, address: IpAddr) -> Self {
        self.trusted_proxies.push(address);
        self
    }

    /// Adds an origin to [`allowed_origins`](Self::allowed_origins).
    #[must_use]
    pub fn with_allowed_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed_origins.push(origin.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_set_by_its_name_and_refuses_zero() {
        for limit in GatewayConfig::limits() {
            let mut config = GatewayConfig::default();
            config.set(limit.name, &limit.default).expect(limit.name);
            assert_eq!(config, GatewayConfig::default(), "{} reads its own default", limit.name);
            config.set(limit.name, "7").expect(limit.name);
            assert_ne!(config, GatewayConfig::default(), "{}", limit.name);
            for bad in ["0", "-1", "", "many", "NaN", "1e400", "18446744073709551615"] {
                assert_eq!(config.set(limit.name, bad).expect_err(bad).field, limit.name);
            }
        }
        let mut config = GatewayConfig::default();
        let error = config.set("header_timeout", "1e19").expect_err("no clock has it").to_string();
        assert!(error.contains("is above 315360000 (ten years)"), "{error}");
        let error = GatewayConfig::default().set("max_conections", "1").expect_err("no such limit");
        assert!(error.hint.contains("max_connections"), "{error}");
    }
    #[test]
    fn names_and_origins_that_never_match_are_refused() {
        let hosts = |host: &str| GatewayConfig::default().with_allowed_host(host).check();
        let origins = |origin: &str| GatewayConfig::default().with_allowed_origin(origin).check();
        assert_eq!(hosts("rhai.example"), Ok(()));
        for bad in ["", "rhai.example:8080", "https://rhai.example", "rhai.example/"] {
            assert_eq!(hosts(bad).expect_err(bad).field, "allowed_hosts");
        }
        for good in ["https://shop.example", "http://localhost:3000", "chrome-extension://abc"] {
            assert_eq!(origins(good), Ok(()));
        }
        for bad in ["", "*", "shop.example", "https://shop.example/", "https://", "https://*.example", "null"]
        {
            assert_eq!(origins(bad).expect_err(bad).field, "allowed_origins");
        }
    }
}
