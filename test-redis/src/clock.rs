use crate::RedisServer;

/// The key that has the offset of a server's clock, in seconds; see [`RedisServer::set_clock_offset`].
pub const CLOCK_OFFSET: &str = "test:clock-offset";

/// What the scripts of a server call for the time, in place of `redis.call('TIME')`.
const SHIFTED: &str = "local function shifted_time()\n\
     local time = redis.call('TIME')\n\
     time[1] = time[1] + tonumber(redis.call('GET', 'test:clock-offset') or '0')\n\
     return time\nend\n";

impl RedisServer {
    /// Sets the server's clock off by so many seconds, as far as the functions see that have been loaded until now:
    /// these are loaded again with another source of the time.
    ///
    /// # Panics
    /// If no library of functions that asks for the time has been loaded.
    pub fn set_clock_offset(&self, seconds: i64) {
        let mut redis =
            redis::Client::open(self.url()).expect("a URL").get_connection().expect("a connection");
        let libraries: Vec<Vec<redis::Value>> =
            redis::cmd("FUNCTION").arg("LIST").arg("WITHCODE").query(&mut redis).expect("the libraries");
        assert!(!libraries.is_empty(), "no library has been loaded");
        for library in libraries {
            let text = |value: &redis::Value| redis::from_redis_value::<String>(value.clone()).ok();
            let code = library.chunks_exact(2).find(|pair| text(&pair[0]).as_deref() == Some("library_code"));
            let code = code.and_then(|pair| text(&pair[1])).expect("its code");
            if code.contains(SHIFTED) {
                continue;
            }
            let (head, body) = code.split_once('\n').expect("a line with its name");
            assert!(body.contains("call('TIME')"), "it asks for the time");
            let body = body.replace("call('TIME')", "shifted_time()");
            let shifted = format!("{head}\n{SHIFTED}{body}");
            let loaded: redis::RedisResult<String> =
                redis::cmd("FUNCTION").arg("LOAD").arg("REPLACE").arg(shifted).query(&mut redis);
            loaded.expect("it is loaded again");
        }
        let set: redis::RedisResult<()> = redis::cmd("SET").arg(CLOCK_OFFSET).arg(seconds).query(&mut redis);
        set.expect("the offset is set");
    }
}
