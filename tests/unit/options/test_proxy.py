import pytest

from etcd_factory import ClientOptions, ConfigError

PASSWORD = "hunter-2"


def proxy(value):
    return ClientOptions.of({"proxy": value}).proxy


@pytest.mark.parametrize(
    ("written", "url"),
    [
        (None, None),
        ("proxy:3128", "http://proxy:3128"),
        ("http://proxy:3128/", "http://proxy:3128"),
        ("http://[::1]:3128", "http://[::1]:3128"),
        (f"http://me:{PASSWORD}@proxy:3128", f"http://me:{PASSWORD}@proxy:3128"),
    ],
)
def test_a_proxy_is_a_url_with_a_port(written, url):
    assert proxy(written) == url


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("socks5://proxy:1080", "unknown scheme 'socks5'"),
        ("https://proxy:3128", "unknown scheme 'https'"),
        ("proxy", "'proxy' is not a proxy; expected http://host:port"),
        ("http://proxy:3128/path", "is not a proxy"),
        ("http://proxy:x", "not a URL"),
        ("", "expected text"),
        (3128, "expected text"),
        (f"http://me:{PASSWORD}@:1", "is not a proxy"),
    ],
)
def test_what_is_no_proxy_is_an_error(written, message):
    with pytest.raises(ConfigError, match="proxy") as caught:
        proxy(written)
    assert message in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_the_password_of_a_proxy_is_not_shown():
    options = ClientOptions(proxy=f"http://me:{PASSWORD}@proxy:3128")
    assert "me:***@proxy:3128" in repr(options)
    assert PASSWORD not in repr(options)
