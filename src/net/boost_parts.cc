// The parts of Boost that are compiled once instead of in every file
// (BOOST_ASIO_SEPARATE_COMPILATION and its like, which src/CMakeLists.txt sets for this room).
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
