import type { Command, Option } from 'commander';

/** Adds options to a command of a group; they may stand before its name, too: `ctl --control PATH sessions`. */
export type AddToGroup = (added: Command) => Command;

/**
 * Gives a group options that all of its commands have.
 *
 * @param options makes them: each command needs its own objects
 */
export function groupOptions(group: Command, options: () => readonly Option[]): AddToGroup {
  const addTo = (command: Command): Command => {
    for (const option of options()) command.addOption(option);
    return command;
  };
  addTo(group);
  // Wherever they stand, the group reads them first.
  group.hook('preAction', (_group, command) => {
    for (const [name, value] of Object.entries(group.opts())) {
      command.setOptionValueWithSource(name, value, group.getOptionValueSource(name));
    }
  });
  return addTo;
}
