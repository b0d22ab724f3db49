# libserialport, for ports by name and USB identity. Gives the target `libserialport`, which defines
# TOCSIN_LIBSERIALPORT as 1 or 0 for those that link it. The system's, or for the static agent the archive from Debian's
# package: it was built for glibc, and musl_fortify.c has the five checking functions that musl lacks.
option(TOCSIN_LIBSERIALPORT "link libserialport: serial ports by USB identity" ON)
set(LIBSERIALPORT_VERSION 0.1.1)
set(_serialport_pool libs/libserialport/libserialport-dev_0.1.1-4_amd64.deb)
set(_serialport_sha256 7d9f2ecc5f2b3ea267980bfeb3791b5508ef19e948d65ec3b1388a4172795be4)

add_library(libserialport INTERFACE)
if(NOT TOCSIN_LIBSERIALPORT)
  target_compile_definitions(libserialport INTERFACE TOCSIN_LIBSERIALPORT=0)
  set(LIBSERIALPORT_VERSION "not built in")
  return()
endif()
target_compile_definitions(libserialport INTERFACE TOCSIN_LIBSERIALPORT=1)

if(NOT TOCSIN_FOREIGN_LIBC)
  find_path(SERIALPORT_INCLUDE libserialport.h)
  find_library(SERIALPORT_LIBRARY serialport)
  if(NOT SERIALPORT_INCLUDE OR NOT SERIALPORT_LIBRARY)
    message(FATAL_ERROR "libserialport not found: install libserialport-dev, or configure with "
      "-DTOCSIN_LIBSERIALPORT=OFF -DTOCSIN_BELFRY=OFF: serial ports are then found by their path only")
  endif()
  target_include_directories(libserialport SYSTEM INTERFACE ${SERIALPORT_INCLUDE})
  target_link_libraries(libserialport INTERFACE ${SERIALPORT_LIBRARY})
  execute_process(COMMAND pkg-config --modversion libserialport OUTPUT_VARIABLE LIBSERIALPORT_VERSION ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  message(STATUS "libserialport: ${SERIALPORT_LIBRARY}")
  return()
endif()

tocsin_fetch(_serialport_folder ${_serialport_pool} ${_serialport_sha256})
if(NOT _serialport_folder)
  tocsin_without(TOCSIN_LIBSERIALPORT libserialport ${_serialport_pool} ${_serialport_sha256})
endif()
set(_serialport ${_serialport_folder}/usr)
add_library(musl_fortify STATIC ${CMAKE_CURRENT_LIST_DIR}/musl_fortify.c)
target_compile_options(musl_fortify PRIVATE -ffunction-sections ${TOCSIN_HARDENING})
# Nothing unwinds the agent's stack.
set(_serialport_archive ${CMAKE_BINARY_DIR}/libraries/libserialport.a)
execute_process(COMMAND ${CMAKE_OBJCOPY} --remove-section .eh_frame --remove-section .rela.eh_frame
  ${_serialport}/lib/x86_64-linux-gnu/libserialport.a ${_serialport_archive} COMMAND_ERROR_IS_FATAL ANY)
target_include_directories(libserialport SYSTEM INTERFACE ${_serialport}/include)
target_link_libraries(libserialport INTERFACE ${_serialport_archive} musl_fortify)
message(STATUS "libserialport: ${_serialport}/lib/x86_64-linux-gnu/libserialport.a")
