#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What systemctl asks systemd for, on the bus of DBUS_SYSTEM_BUS_ADDRESS.

One unit, a.service; the main process is the number in the file that is named:
on its first line, which is gone once it was told, if there are more.
"""
import sys

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = 'org.freedesktop.systemd1'
UNIT = '/org/freedesktop/systemd1/unit/a_2eservice'
PROPERTIES = 'org.freedesktop.DBus.Properties'


class Unit(dbus.service.Object):
    """The unit."""

    def properties(self):
        with open(sys.argv[1], encoding='ascii') as f:
            lines = f.readlines()
        if len(lines) > 1:
            with open(sys.argv[1], 'w', encoding='ascii') as f:
                f.writelines(lines[1:])
        return {'MainPID': dbus.UInt32(int(lines[0])),
                'Id': 'a.service', 'LoadState': 'loaded'}

    @dbus.service.method(PROPERTIES, 'ss', 'v')
    def Get(self, _interface, name):
        return self.properties()[name]

    @dbus.service.method(PROPERTIES, 's', 'a{sv}')
    def GetAll(self, _interface):
        return self.properties()


class Manager(dbus.service.Object):
    """Knows where it is."""

    @dbus.service.method(NAME + '.Manager', 's', 'o')
    def GetUnit(self, name):
        return self.LoadUnit(name)

    @dbus.service.method(NAME + '.Manager', 's', 'o')
    def LoadUnit(self, name):
        if name != 'a.service':
            raise dbus.DBusException('no such unit',
                                     name=NAME + '.NoSuchUnit')
        return dbus.ObjectPath(UNIT)


DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
name = dbus.service.BusName(NAME, bus)
objects = [Manager(bus, '/org/freedesktop/systemd1'), Unit(bus, UNIT)]
print('ready', flush=True)
GLib.MainLoop().run()
