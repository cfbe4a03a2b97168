# How every library and test of the project is declared, so that flags and export rules stand in one place.

# Compile options for our own code only; nothing of this reaches a consumer.
add_library(chatcore_private_options INTERFACE)
target_compile_options(chatcore_private_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 takes the unused side of a moved std::variant for uninitialized as soon as it optimizes.
  target_compile_options(chatcore_private_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:-Wno-maybe-uninitialized>)
endif()
if(CHATCORE_WERROR)
  target_compile_options(chatcore_private_options INTERFACE -Werror)
endif()

# Optimizing a test costs more than it ever gains when it runs, the more so where each access is checked.
if(CHATCORE_SANITIZE)
  set(chatcore_test_options -O0)
else()
  set(chatcore_test_options $<$<NOT:$<CONFIG:Debug>>:-O1>)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # What g++ 12 takes for too short when it comes out of precompiled headers.
  list(APPEND chatcore_test_options -Wno-array-bounds -Wno-stringop-overread -Wno-stringop-overflow)
endif()

# What most sources include, parsed once for all libraries and once for all tests. The libraries' half is an option:
# where it is on, a source that forgets an include of its own compiles all the same.
function(chatcore_precompile target kind)
  if(NOT TARGET chatcore_precompiled_${kind})
    set(source ${PROJECT_BINARY_DIR}/precompiled/${kind}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "")
    add_library(chatcore_precompiled_${kind} OBJECT ${source})
    target_compile_features(chatcore_precompiled_${kind} PUBLIC cxx_std_20)
    target_link_libraries(chatcore_precompiled_${kind} PRIVATE
      absl::flat_hash_map absl::flat_hash_set absl::inlined_vector Threads::Threads chatcore_private_options)
    if(kind STREQUAL libraries)
      set_target_properties(chatcore_precompiled_${kind} PROPERTIES POSITION_INDEPENDENT_CODE ON
        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    else()
      target_compile_options(chatcore_precompiled_${kind} PRIVATE ${chatcore_test_options})
    endif()
    target_precompile_headers(chatcore_precompiled_${kind} PRIVATE
      <algorithm> <array> <atomic> <cassert> <charconv> <chrono> <cstdint> <cstring> <deque> <functional> <map>
      <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant>
      <vector> <absl/container/flat_hash_map.h> <absl/container/flat_hash_set.h> <absl/container/inlined_vector.h>
      ${ARGN})
  endif()
  target_precompile_headers(${target} REUSE_FROM chatcore_precompiled_${kind})
endfunction()

# chatcore_add_component(<name> SOURCES … [PUBLIC_LIBS …] [PRIVATE_LIBS …] [INCLUDE_DIR dir])
# makes the library chatcore_<name>, alias chatcore::<name>, an installable component of the package.
# What its consumers must find follows from the libraries it links; see ChatcoreInstall.cmake.
function(chatcore_add_component name)
  cmake_parse_arguments(ARG "" "INCLUDE_DIR" "SOURCES;PUBLIC_LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(chatcore_${name} ${ARG_SOURCES})
  add_library(chatcore::${name} ALIAS chatcore_${name})
  target_compile_features(chatcore_${name} PUBLIC cxx_std_20)
  set_target_properties(chatcore_${name} PROPERTIES
    EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  if(BUILD_SHARED_LIBS)
    target_compile_definitions(chatcore_${name} PUBLIC CHATCORE_SHARED)
  endif()
  target_include_directories(chatcore_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  if(ARG_INCLUDE_DIR)
    target_include_directories(chatcore_${name} PUBLIC $<BUILD_INTERFACE:${ARG_INCLUDE_DIR}>)
    set_property(GLOBAL PROPERTY CHATCORE_INCLUDE_DIR_${name} ${ARG_INCLUDE_DIR})
  endif()
  # Header-only and used inside only: a consumer has no need of it.
  list(TRANSFORM ARG_PRIVATE_LIBS REPLACE "^(nlohmann_json::nlohmann_json)$" "$<BUILD_INTERFACE:\\1>")
  target_link_libraries(chatcore_${name}
    PUBLIC ${ARG_PUBLIC_LIBS}
    PRIVATE ${ARG_PRIVATE_LIBS} $<BUILD_INTERFACE:chatcore_private_options>)
  if(CHATCORE_PRECOMPILE)
    chatcore_precompile(chatcore_${name} libraries)
  endif()
  set_property(GLOBAL APPEND PROPERTY CHATCORE_COMPONENTS ${name})
endfunction()

# chatcore_add_test(<name> SOURCES … [LIBS …]): a doctest executable, registered with ctest.
function(chatcore_add_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  if(NOT TARGET chatcore_test_main)
    add_library(chatcore_test_main OBJECT ${PROJECT_SOURCE_DIR}/tests/unit/main.cpp)
    target_compile_features(chatcore_test_main PUBLIC cxx_std_20)
    target_link_libraries(chatcore_test_main PUBLIC doctest::doctest)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} chatcore_test_main chatcore_private_options)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_options(${name} PRIVATE ${chatcore_test_options})
  chatcore_precompile(${name} tests <doctest/doctest.h> <nlohmann/json.hpp>)
  add_test(NAME ${name} COMMAND ${name})
  set(seconds 300)
  if(CHATCORE_SANITIZE)
    set(seconds 900)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${seconds})
endfunction()
