use std::fmt;

/// Why a caller is refused: the codes of SRT's access control, which follow those of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reject(i32);

impl Reject {
    /// The stream id makes no sense.
    pub const BAD_REQUEST: Self = Self(1400);
    /// The key is not known.
    pub const UNAUTHORIZED: Self = Self(1401);
    /// There are too many connections.
    pub const OVERLOAD: Self = Self(1402);
    /// The caller may not do that.
    pub const FORBIDDEN: Self = Self(1403);
    /// There is nothing of that name.
    pub const NOT_FOUND: Self = Self(1404);
    /// The mode (`m`) is not supported.
    pub const BAD_MODE: Self = Self(1405);
    /// Somebody else publishes there.
    pub const CONFLICT: Self = Self(1409);
    /// Something went wrong here.
    pub const INTERNAL: Self = Self(1500);
    /// The server is about to end.
    pub const DOWN: Self = Self(1503);

    /// The reason with this code: one of libsrt's own below 1000, of its access control from there, of an application
    /// from 2000.
    pub fn of_code(code: i32) -> Self {
        Self(code)
    }

    /// Its code.
    pub fn code(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let said = match self.0 {
            10 => "the passphrase is wrong",
            11 => "one end has a passphrase and the other has none",
            16 => "nobody answered",
            1400 => "the stream id makes no sense",
            1401 => "the stream key is not known",
            1402 => "there are too many connections",
            1403 => "it is not allowed",
            1404 => "there is no such stream",
            1405 => "the mode (m=) is not supported",
            1409 => "somebody else publishes there",
            1500 => "the server failed",
            1503 => "the server is about to end",
            _ => "no reason that is known",
        };
        write!(f, "{said} ({})", self.0)
    }
}
