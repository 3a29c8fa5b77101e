# Run by `cmake --install`: completes the files that name places of the installation. GW_ETC is set when the
# configuration of a package is installed rather than the rest.
set(source "@CMAKE_CURRENT_SOURCE_DIR@")
set(made "@CMAKE_CURRENT_BINARY_DIR@/made")
set(CMAKE_INSTALL_FULL_SBINDIR "${CMAKE_INSTALL_PREFIX}/@CMAKE_INSTALL_SBINDIR@")

function(complete from place)
  get_filename_component(name ${from} NAME_WLE)
  configure_file(${source}/${from} ${made}/${name} @ONLY)
  file(INSTALL DESTINATION ${place} TYPE FILE FILES ${made}/${name})
endfunction()

if(DEFINED GW_ETC)
  complete(examples/pledged.yaml.in ${GW_ETC})
  unset(GW_ETC)
else()
  complete(pledged.service.in ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
  complete(examples/pledged.yaml.in ${CMAKE_INSTALL_PREFIX}/@CMAKE_INSTALL_DOCDIR@/examples)
endif()
