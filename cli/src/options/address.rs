use std::net::IpAddr;

/// A host and a port to listen on, such as `127.0.0.1:8080` or `localhost:0`.
pub(crate) fn listen_address(text: &str) -> Result<String, String> {
    let has_port =
        text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    match has_port {
        true => Ok(text.to_owned()),
        false => Err("give a host and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned()),
    }
}

/// The address of another machine.
pub(crate) fn ip_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "give an address without a port, such as 10.0.0.1 or fd00::1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["127.0.0.1:9464", "[::1]:0", "localhost:65535"] {
            assert_eq!(listen_address(good), Ok(good.to_owned()));
        }
        for bad in ["", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http"] {
            let error = listen_address(bad).expect_err(bad);
            assert!(error.contains("such as 127.0.0.1:8080"), "{bad}: {error}");
        }
    }
}
