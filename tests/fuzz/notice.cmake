find_package(PkgConfig REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
file(GLOB _notice ${CMAKE_SOURCE_DIR}/firmware/belfry/notice/*.c)
tocsin_fuzzer(notice SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_notice.c ${_notice}
  ${CMAKE_SOURCE_DIR}/firmware/wire/escape.c ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/crc32.c ${CMAKE_SOURCE_DIR}/firmware/wire/hash.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/keys.c ${CMAKE_SOURCE_DIR}/firmware/wire/line.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/seal.c
  LIBS PkgConfig::PCRE2
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/notice)
