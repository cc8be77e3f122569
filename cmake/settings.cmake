# Compiler settings that hold for every target. Instruction-set flags live in isa_flags.cmake only.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CARAT_CCACHE ccache)
if(CARAT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CARAT_CCACHE})
endif()

# -ffp-contract=off: a product and a sum are rounded one by one everywhere except where a kernel asks
# for a fused step by name, so that results do not depend on the compiler's mood.
add_compile_options(-Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                    -ffp-contract=off -fno-math-errno)
# GCC 12 reports false positives of these two inside std::string and std::variant at -O2.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
                      -Wno-array-bounds -Wno-free-nonheap-object)
endif()
if(CARAT_SANITIZE)
  add_compile_definitions(CARAT_SANITIZED)
  add_compile_options(-fsanitize=${CARAT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${CARAT_SANITIZE})
endif()
include_directories(${CMAKE_SOURCE_DIR}/src)

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(PkgConfig REQUIRED)
