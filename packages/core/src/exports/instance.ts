export type { Flavor, Instance, PowerState } from '../instance.js';
export type {
  CpuReading,
  Disk,
  DiskIo,
  DiskReading,
  DiskSize,
  InstancePart,
  InstanceParts,
  InstanceReading,
  MemoryReading,
  VcpuReading,
  Vnic,
  VnicReading,
  VnicTraffic,
} from '../inspector.js';
