################################################################################
#
# ublk
#
################################################################################
# SPDX-License-Identifier: MIT

UBLK_VERSION = 0.1.0
UBLK_SITE = $(BR2_EXTERNAL_UBLK_SITE)
UBLK_LICENSE = MIT
UBLK_LICENSE_FILES = LICENSE
UBLK_DEPENDENCIES = liburing $(if $(BR2_PACKAGE_UBLK_ZIP),zlib libdeflate)

UBLK_APPLETS = \
	$(if $(BR2_PACKAGE_UBLK_MEM),mem) \
	$(if $(BR2_PACKAGE_UBLK_FILE),file) \
	$(if $(BR2_PACKAGE_UBLK_ZIP),zip) \
	$(if $(BR2_PACKAGE_UBLK_NULL),null) \
	$(if $(BR2_PACKAGE_UBLK_CTL),ctl) \
	$(if $(BR2_PACKAGE_UBLK_INIT),init)

UBLK_MAKE = $(TARGET_MAKE_ENV) $(MAKE) $(TARGET_CONFIGURE_OPTS) -C $(@D) \
	STATIC=0 SYSTEM_LIBS=1 SIZE_LIMIT=none PREFIX=/usr APPLETS="$(strip $(UBLK_APPLETS))"

define UBLK_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_ENABLE_OPT,CONFIG_IO_URING)
	$(call KCONFIG_ENABLE_OPT,CONFIG_BLK_DEV)
	$(call KCONFIG_ENABLE_OPT,CONFIG_BLK_DEV_UBLK)
endef

define UBLK_BUILD_CMDS
	$(UBLK_MAKE) all
endef

define UBLK_INSTALL_TARGET_CMDS
	$(UBLK_MAKE) DESTDIR=$(TARGET_DIR) install-bin $(if $(BR2_PACKAGE_HAS_UDEV),install-udev)
endef

define UBLK_INSTALL_INIT_SYSTEMD
	$(UBLK_MAKE) DESTDIR=$(TARGET_DIR) install-systemd
endef

$(eval $(generic-package))
