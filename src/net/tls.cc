#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>

namespace carat::net {
namespace {

// OpenSSL's reason is in the queue of this thread.
std::unexpected<Error> Bad(std::string_view what, const std::filesystem::path& file) {
  const unsigned long code = ERR_peek_error();
  const char* const reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return Fail({.what = std::string(what),
               .where = file.string(),
               .found = reason != nullptr ? reason : "no such thing in it"});
}

// Without this OpenSSL asks at the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

}  // namespace

Result<std::unique_ptr<boost::asio::ssl::context>> LoadTls(const std::filesystem::path& certificate,
                                                           const std::filesystem::path& key) {
  if (certificate.empty() || key.empty())
    return Fail({.what = "TLS needs a certificate and its key",
                 .where = (certificate.empty() ? key : certificate).string(),
                 .found = "one of them"});
  ERR_clear_error();
  SSL_CTX* const raw = SSL_CTX_new(TLS_server_method());
  if (raw == nullptr) return Bad("OpenSSL cannot begin", certificate);
  auto context = std::make_unique<boost::asio::ssl::context>(raw);  // owns it
  SSL_CTX_set_default_passwd_cb(raw, &NoPassphrase);
  SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) != 1)
    return Bad("OpenSSL has no TLS 1.2", certificate);
  if (SSL_CTX_use_certificate_chain_file(raw, certificate.c_str()) != 1)
    return Bad("the certificate cannot be read", certificate);
  if (SSL_CTX_use_PrivateKey_file(raw, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return Bad("the key cannot be read, or is not the certificate's", key);
  if (SSL_CTX_check_private_key(raw) != 1) return Bad("the key is not the certificate's", key);
  return context;
}

}  // namespace carat::net
