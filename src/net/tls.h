// The server's side of TLS.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>

#include "base/result.h"

namespace carat::net {

// TLS 1.2 or newer with a certificate, its chain behind it, and its key without a passphrase, all
// PEM. Errors name the file.
Result<std::unique_ptr<boost::asio::ssl::context>> LoadTls(const std::filesystem::path& certificate,
                                                           const std::filesystem::path& key);

}  // namespace carat::net
