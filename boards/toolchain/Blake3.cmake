# BLAKE3 from the system: libblake3 where it is packaged, else the official C sources that Debian's
# librust-blake3-dev installs. Gives the target `blake3`.
find_path(BLAKE3_INCLUDE blake3.h)
find_library(BLAKE3_LIBRARY blake3)
if(BLAKE3_INCLUDE AND BLAKE3_LIBRARY AND NOT CMAKE_CROSSCOMPILING)
  add_library(blake3 INTERFACE)
  target_include_directories(blake3 SYSTEM INTERFACE ${BLAKE3_INCLUDE})
  target_link_libraries(blake3 INTERFACE ${BLAKE3_LIBRARY})
  message(STATUS "BLAKE3: ${BLAKE3_LIBRARY}")
  return()
endif()

file(GLOB _blake3_dirs /usr/share/cargo/registry/blake3-1.*/c)
if(NOT _blake3_dirs)
  message(FATAL_ERROR "BLAKE3 not found: install libblake3-dev, or librust-blake3-dev (Debian 12)")
endif()
list(GET _blake3_dirs 0 _blake3)
message(STATUS "BLAKE3: ${_blake3}")

add_library(blake3 STATIC ${_blake3}/blake3.c ${_blake3}/blake3_dispatch.c)
target_include_directories(blake3 SYSTEM PUBLIC ${_blake3})
# Where the assembler does the work, speed of the C around it buys nothing.
if(CMAKE_BUILD_TYPE STREQUAL "MinSizeRel" AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  set(_blake3_speed -Os)
else()
  set(_blake3_speed -O3)
endif()
target_compile_options(blake3 PRIVATE
  $<$<COMPILE_LANGUAGE:C>:${_blake3_speed} -w -ffunction-sections -fdata-sections ${TOCSIN_HARDENING}>)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  target_sources(blake3 PRIVATE ${_blake3}/blake3_sse2_x86-64_unix.S ${_blake3}/blake3_sse41_x86-64_unix.S
    ${_blake3}/blake3_avx2_x86-64_unix.S ${_blake3}/blake3_avx512_x86-64_unix.S)
  # Each such processor has SSE2: what stands behind it is never called, and would be 7 kB.
  foreach(_function compress_in_place compress_xof hash_many)
    target_compile_definitions(blake3 PRIVATE blake3_${_function}_portable=blake3_${_function}_sse2)
  endforeach()
else()
  target_sources(blake3 PRIVATE ${_blake3}/blake3_portable.c)
  target_compile_definitions(blake3 PRIVATE BLAKE3_USE_NEON=0 BLAKE3_NO_SSE2 BLAKE3_NO_SSE41 BLAKE3_NO_AVX2
    BLAKE3_NO_AVX512)
endif()
