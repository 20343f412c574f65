#!/usr/bin/env escript
%%! +B -hidden -start_epmd false +S 1:1 +sbwt none
%% rabbitmqctl that stays (rabbitmqctl.ts): half a second of processor time goes into each start of it. Its argument is the
%% path of RabbitMQ's own, whose commands it runs: on stdin each is a line of its arguments, each in base64, with a space
%% between them. On stdout is what the command writes, and then a line of ==, the exit code, and what is wrong, in base64.
%% It ends with stdin. RabbitMQ's code asks for the name of the script: it must be rabbitmqctl.

main([Ctl]) ->
    {ok, Sections} = escript:extract(Ctl, []),
    {archive, Archive} = lists:keyfind(archive, 1, Sections),
    {ok, Info} = file:read_file_info(Ctl),
    {ok, _} = erl_prim_loader:set_primary_archive(Ctl, Archive, Info, fun escript:parse_file/1),
    true = code:add_path(Ctl),
    {ok, _} = application:ensure_all_started(elixir),
    ok = application:load(rabbitmqctl),
    ok = logger:set_primary_config(level, none),
    ok = io:setopts([{encoding, unicode}]),
    loop().

loop() ->
    case io:get_line("") of
        eof -> halt(0);
        Line ->
            Arguments = [base64:decode(One) || One <- string:split(string:trim(Line, trailing, "\n"), " ", all)],
            {Code, Text} =
                try 'Elixir.RabbitMQCtl':exec_command(Arguments, fun(Output, Command, Options) -> show(Output, Command, Options) end) of
                    {error, Exit, Reason} -> {Exit, io_lib:format("~ts", [Reason])};
                    {error, Reason} -> {1, io_lib:format("~tp", [Reason])};
                    _ -> {0, ""}
                catch _:Error -> {70, io_lib:format("~tp", [Error])}
                end,
            io:format("~n== ~w ~s~n", [Code, base64:encode(unicode:characters_to_binary(Text))]),
            loop()
    end.

show(Output, Command, Options) ->
    Config = 'Elixir.RabbitMQ.CLI.Core.Config',
    Printing = 'Elixir.RabbitMQ.CLI.Core.Output',
    Formatted = Printing:format_output(Output, Config:get_formatter(Command, Options), Options),
    Printing:print_output(Formatted, Config:get_printer(Command, Options), Options).
