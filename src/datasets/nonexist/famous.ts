import type { Kind } from './templates.js';

/**
 * Famous things of each kind with every accepted answer: `thing: answer, answer; thing: answer`. Facts that are common knowledge; where
 * sources differ (a birthplace whose country has changed), all are accepted.
 */
const TABLES: Record<Kind, string> = {
  'city-country': `
    Barcelona: Spain; Milan: Italy; Osaka: Japan; Mumbai: India; Shanghai: China; Istanbul: Turkey, Türkiye; Toronto: Canada;
    Sydney: Australia; Rio de Janeiro: Brazil; Chicago: United States, USA, US, America; Saint Petersburg: Russia; Kraków: Poland;
    Porto: Portugal; Geneva: Switzerland; Rotterdam: Netherlands, Holland; Antwerp: Belgium; Salzburg: Austria; Gothenburg: Sweden;
    Bergen: Norway; Aarhus: Denmark; Glasgow: Scotland, United Kingdom, UK, Britain; Liverpool: England, United Kingdom, UK, Britain;
    Cork: Ireland; Marseille: France; Hamburg: Germany; Casablanca: Morocco; Alexandria: Egypt; Lagos: Nigeria; Mombasa: Kenya;
    Johannesburg: South Africa; Karachi: Pakistan; Chittagong: Bangladesh; Busan: South Korea, Korea; Guadalajara: Mexico;
    Medellín: Colombia; Guayaquil: Ecuador; Cusco: Peru; Dubai: United Arab Emirates, UAE, Emirates; Auckland: New Zealand;
    Kyoto: Japan; Haifa: Israel; Thessaloniki: Greece; Split: Croatia; Tampere: Finland; Brno: Czech Republic, Czechia`,
  'river-of-city': `
    London: Thames; Vienna: Danube, Donau; Rome: Tiber, Tevere; Cairo: Nile; Prague: Vltava, Moldau; Florence: Arno; Lisbon: Tagus, Tejo;
    Dublin: Liffey; Baghdad: Tigris; Warsaw: Vistula, Wisła; Budapest: Danube, Duna; Belgrade: Danube, Sava; Cologne: Rhine, Rhein;
    Dresden: Elbe; Hamburg: Elbe; Seville: Guadalquivir; Turin: Po; New Orleans: Mississippi; Kyiv: Dnieper, Dnipro; Khartoum: Nile;
    Bangkok: Chao Phraya; Wuhan: Yangtze, Chang Jiang; Varanasi: Ganges, Ganga; Glasgow: Clyde; Newcastle: Tyne; Liverpool: Mersey;
    St. Louis: Mississippi; Basel: Rhine, Rhein; Bordeaux: Garonne; Lyon: Rhône, Rhone, Saône, Saone; Zaragoza: Ebro; Washington, D.C.: Potomac;
    Phnom Penh: Mekong, Tonle Sap; Seoul: Han; Verona: Adige; Pisa: Arno; Porto: Douro, Duero; Kinshasa: Congo; Manaus: Amazon, Rio Negro;
    Mannheim: Rhine, Rhein, Neckar; Ljubljana: Ljubljanica; Riga: Daugava; Vilnius: Neris; Bern: Aare; Innsbruck: Inn; Linz: Danube, Donau;
    Bratislava: Danube; Nantes: Loire; Bristol: Avon; Cardiff: Taff`,
  'mountain-country': `
    Fuji: Japan; Kilimanjaro: Tanzania; Etna: Italy; Vesuvius: Italy; Olympus: Greece; Ararat: Turkey, Türkiye; Elbrus: Russia;
    Rushmore: United States, USA, US, America; Rainier: United States, USA, US, America; Logan: Canada; Aconcagua: Argentina;
    Kosciuszko: Australia; Kinabalu: Malaysia; Pinatubo: Philippines; Mayon: Philippines; Merapi: Indonesia; Damavand: Iran; Sinai: Egypt;
    Whitney: United States, USA, US, America; Shasta: United States, USA, US, America; Hood: United States, USA, US, America;
    St. Helens: United States, USA, US, America; Robson: Canada; Toubkal: Morocco; Parnassus: Greece; Athos: Greece; Apo: Philippines;
    Aso: Japan; Nyiragongo: Democratic Republic of the Congo, DR Congo, DRC, Congo; Elgon: Uganda, Kenya; Rinjani: Indonesia;
    Bromo: Indonesia; Tambora: Indonesia; Agung: Indonesia; Taranaki: New Zealand; Ruapehu: New Zealand; Snowdon: Wales, United Kingdom, UK, Britain;
    Baker: United States, USA, US, America; McKinley: United States, USA, US, America; Pelion: Greece; Everest: Nepal, China, Tibet;
    Wilhelm: Papua New Guinea; Meru: Tanzania; Triglav: Slovenia; Hermon: Syria, Lebanon, Israel; Batur: Indonesia`,
  'island-country': `
    Sicily: Italy; Sardinia: Italy; Crete: Greece; Corsica: France; Honshu: Japan; Hokkaido: Japan; Kyushu: Japan; Java: Indonesia;
    Bali: Indonesia; Sumatra: Indonesia; Tasmania: Australia; Hainan: China; Zanzibar: Tanzania; Majorca: Spain; Ibiza: Spain; Tenerife: Spain;
    Menorca: Spain; Madeira: Portugal; Rhodes: Greece; Corfu: Greece; Santorini: Greece; Mykonos: Greece; Lesbos: Greece; Gotland: Sweden;
    Öland: Sweden; Bornholm: Denmark; Capri: Italy; Elba: Italy; Skye: Scotland, United Kingdom, UK, Britain; Phuket: Thailand;
    Jeju: South Korea, Korea; Okinawa: Japan; Luzon: Philippines; Mindanao: Philippines; Cebu: Philippines; Newfoundland: Canada;
    Maui: United States, USA, US, America; Oahu: United States, USA, US, America; Penang: Malaysia; Langkawi: Malaysia; Sakhalin: Russia;
    Réunion: France; Tahiti: France; Greenland: Denmark; Djerba: Tunisia; Saaremaa: Estonia; Lombok: Indonesia; Rügen: Germany;
    Texel: Netherlands, Holland; Manhattan: United States, USA, US, America`,
  'scientist-country': `
    Albert Einstein: Germany; Isaac Newton: England, United Kingdom, UK, Britain; Marie Curie: Poland; Galileo Galilei: Italy;
    Charles Darwin: England, United Kingdom, UK, Britain; Nikola Tesla: Croatia, Austria, Austrian Empire, Serbia; Niels Bohr: Denmark;
    Louis Pasteur: France; Michael Faraday: England, United Kingdom, UK, Britain; James Clerk Maxwell: Scotland, United Kingdom, UK, Britain;
    Max Planck: Germany; Werner Heisenberg: Germany; Erwin Schrödinger: Austria; Enrico Fermi: Italy; Richard Feynman: United States, USA, US, America;
    Stephen Hawking: England, United Kingdom, UK, Britain; Alan Turing: England, United Kingdom, UK, Britain; Carl Linnaeus: Sweden;
    Anders Celsius: Sweden; Alfred Nobel: Sweden; Nicolaus Copernicus: Poland, Prussia; Johannes Kepler: Germany; Blaise Pascal: France;
    René Descartes: France; Antoine Lavoisier: France; Dmitri Mendeleev: Russia; Ivan Pavlov: Russia; C. V. Raman: India;
    Srinivasa Ramanujan: India; Ernest Rutherford: New Zealand; Alexander Fleming: Scotland, United Kingdom, UK, Britain;
    Rosalind Franklin: England, United Kingdom, UK, Britain; Sigmund Freud: Austria, Czech Republic, Czechia, Austrian Empire;
    Leonhard Euler: Switzerland; Christiaan Huygens: Netherlands, Dutch Republic, Holland; Antonie van Leeuwenhoek: Netherlands, Dutch Republic, Holland;
    Alessandro Volta: Italy; Guglielmo Marconi: Italy; Gregor Mendel: Austria, Czech Republic, Czechia, Austrian Empire; Tycho Brahe: Denmark, Sweden;
    Carl Friedrich Gauss: Germany; Linus Pauling: United States, USA, US, America; Edwin Hubble: United States, USA, US, America;
    Jonas Salk: United States, USA, US, America; Hideki Yukawa: Japan; Wilhelm Röntgen: Germany, Prussia; Robert Koch: Germany;
    Andreas Vesalius: Belgium, Netherlands, Brussels; Fridtjof Nansen: Norway; Jane Goodall: England, United Kingdom, UK, Britain`,
  invention: `
    Alexander Graham Bell: telephone; Thomas Edison: light bulb, lightbulb, phonograph, incandescent, electric light;
    Johannes Gutenberg: printing press, movable type, moveable type, printing; James Watt: steam engine; Alfred Nobel: dynamite;
    Samuel Morse: telegraph, morse code; Louis Braille: braille alphabet, writing system for the blind, reading system, blind; Rudolf Diesel: diesel engine, engine;
    Guglielmo Marconi: radio, wireless, wireless telegraph, wireless telegraphy; Eli Whitney: cotton gin; George Eastman: camera, roll film, Kodak, film;
    Karl Benz: car, automobile, motor car, motorcar; Tim Berners-Lee: World Wide Web, web, WWW; John Logie Baird: television, TV;
    Elisha Otis: elevator, lift, safety brake; Samuel Colt: revolver; Richard Gatling: machine gun, rapid fire gun, gun; Mikhail Kalashnikov: AK-47, AK47, rifle;
    Ernő Rubik: cube; Alessandro Volta: battery, voltaic pile; Elias Howe: sewing machine; Charles Goodyear: vulcanized rubber, vulcanised rubber, vulcanization, rubber;
    Levi Strauss: jeans, blue jeans; Charles Babbage: computer, analytical engine, difference engine; Evangelista Torricelli: barometer;
    Percy Spencer: microwave oven, microwave; Robert Fulton: steamboat, steam boat, submarine; Cyrus McCormick: reaper, mechanical reaper;
    Igor Sikorsky: helicopter; Christopher Latham Sholes: typewriter, QWERTY; László Bíró: ballpoint pen, ball point pen, pen;
    Wallace Carothers: nylon; Leo Baekeland: bakelite, plastic; Willis Carrier: air conditioning, air conditioner; King Camp Gillette: safety razor, razor;
    Benjamin Franklin: lightning rod, bifocals; Ferdinand von Zeppelin: airship, zeppelin airship, dirigible; Humphry Davy: safety lamp, lamp, arc lamp;
    Joseph Swan: light bulb, lightbulb; Whitcomb Judson: zipper, zip, clasp locker; Robert Bunsen: burner; Charles Wheatstone: stereoscope, telegraph, concertina;
    René Laennec: stethoscope; John Deere: plow, plough, steel plow; Joseph Lister: antiseptic, antiseptic surgery, antiseptics;
    Clarence Birdseye: frozen food, frozen foods, quick freezing, freezing; Adolphe Sax: saxophone; Frank Whittle: jet engine; Garrett Morgan: traffic light, traffic signal, gas mask, smoke hood`,
  'novel-author': `
    Pride and Prejudice: Austen; Emma: Austen; Moby-Dick: Melville; Animal Farm: Orwell; Nineteen Eighty-Four: Orwell; War and Peace: Tolstoy;
    Anna Karenina: Tolstoy; Crime and Punishment: Dostoevsky, Dostoyevsky, Dostoevskij; Don Quixote: Cervantes; Great Expectations: Dickens;
    Oliver Twist: Dickens; A Tale of Two Cities: Dickens; Jane Eyre: Charlotte Brontë, Brontë; Wuthering Heights: Emily Brontë, Brontë;
    Frankenstein: Shelley; Dracula: Stoker; The Great Gatsby: Fitzgerald; The Old Man and the Sea: Hemingway; The Sun Also Rises: Hemingway;
    The Grapes of Wrath: Steinbeck; Of Mice and Men: Steinbeck; To Kill a Mockingbird: Harper Lee, Lee; The Catcher in the Rye: Salinger;
    Lord of the Flies: Golding; Brave New World: Huxley; Ulysses: Joyce; Les Misérables: Hugo; Madame Bovary: Flaubert;
    The Count of Monte Cristo: Dumas; The Three Musketeers: Dumas; Around the World in Eighty Days: Verne; The Hobbit: Tolkien;
    The Da Vinci Code: Dan Brown, Brown; The Name of the Rose: Eco; One Hundred Years of Solitude: García Márquez, Márquez; The Stranger: Camus;
    The Trial: Kafka; The Picture of Dorian Gray: Wilde; Treasure Island: Stevenson; Robinson Crusoe: Defoe; Gulliver's Travels: Swift;
    The Adventures of Huckleberry Finn: Twain, Clemens; Little Women: Alcott; The War of the Worlds: H. G. Wells, Wells; Fahrenheit 451: Bradbury;
    The Handmaid's Tale: Atwood; The Alchemist: Coelho; Lolita: Nabokov; Rebecca: du Maurier; Dune: Herbert; The Shining: Stephen King, King;
    Heart of Darkness: Conrad; The Magic Mountain: Mann; Middlemarch: George Eliot, Eliot; Slaughterhouse-Five: Vonnegut`,
  'painting-painter': `
    Mona Lisa: Leonardo, da Vinci; The Last Supper: Leonardo, da Vinci; Lady with an Ermine: Leonardo, da Vinci; The Starry Night: van Gogh, Gogh;
    The Potato Eaters: van Gogh, Gogh; Café Terrace at Night: van Gogh, Gogh; The Scream: Munch; Guernica: Picasso; Les Demoiselles d'Avignon: Picasso;
    Girl with a Pearl Earring: Vermeer; The Milkmaid: Vermeer; The Night Watch: Rembrandt; The Birth of Venus: Botticelli; Primavera: Botticelli;
    The Persistence of Memory: Dalí; The Kiss: Klimt; American Gothic: Grant Wood, Wood; Water Lilies: Monet; Impression, Sunrise: Monet;
    Las Meninas: Velázquez; The Creation of Adam: Michelangelo; The School of Athens: Raphael; The Garden of Earthly Delights: Bosch;
    Nighthawks: Hopper; The Hay Wain: Constable; The Fighting Temeraire: Turner; Liberty Leading the People: Delacroix;
    The Raft of the Medusa: Géricault; The Third of May 1808: Goya; Saturn Devouring His Son: Goya; The Son of Man: Magritte;
    Campbell's Soup Cans: Warhol; A Sunday Afternoon on the Island of La Grande Jatte: Seurat; The Arnolfini Portrait: van Eyck, Eyck;
    The Ambassadors: Holbein; Luncheon of the Boating Party: Renoir; Olympia: Manet; A Bar at the Folies-Bergère: Manet; The Dance: Matisse;
    Composition VIII: Kandinsky; Broadway Boogie Woogie: Mondrian; Christina's World: Wyeth; Wanderer above the Sea of Fog: Friedrich;
    The Two Fridas: Kahlo; The Swing: Fragonard; The Tower of Babel: Bruegel, Brueghel; Ophelia: Millais; The Death of Marat: David;
    Napoleon Crossing the Alps: David; The Blue Boy: Gainsborough; No. 5, 1948: Pollock; The Gleaners: Millet`,
  'opera-composer': `
    The Magic Flute: Mozart; Don Giovanni: Mozart; The Marriage of Figaro: Mozart; Così fan tutte: Mozart; Carmen: Bizet; La traviata: Verdi;
    Aida: Verdi; Rigoletto: Verdi; Nabucco: Verdi; Otello: Verdi; Falstaff: Verdi; Il trovatore: Verdi; La bohème: Puccini; Tosca: Puccini;
    Madama Butterfly: Puccini; Turandot: Puccini; The Barber of Seville: Rossini; William Tell: Rossini; Lohengrin: Wagner; Tristan und Isolde: Wagner;
    Parsifal: Wagner; Tannhäuser: Wagner; The Flying Dutchman: Wagner; Fidelio: Beethoven; Faust: Gounod; Norma: Bellini;
    Lucia di Lammermoor: Donizetti; L'elisir d'amore: Donizetti; Pagliacci: Leoncavallo; Cavalleria rusticana: Mascagni;
    Eugene Onegin: Tchaikovsky, Tchaikovski, Chaikovsky; The Queen of Spades: Tchaikovsky, Tchaikovski, Chaikovsky; Boris Godunov: Mussorgsky, Moussorgsky;
    Prince Igor: Borodin; Salome: Strauss; Elektra: Strauss; Der Rosenkavalier: Strauss; Hansel and Gretel: Humperdinck;
    The Tales of Hoffmann: Offenbach; Dido and Aeneas: Purcell; Orfeo ed Euridice: Gluck; L'Orfeo: Monteverdi; Porgy and Bess: Gershwin;
    Peter Grimes: Britten; Billy Budd: Britten; Wozzeck: Berg; Lulu: Berg; Samson and Delilah: Saint-Saëns; Manon: Massenet; Werther: Massenet;
    Rusalka: Dvořák; The Bartered Bride: Smetana; Jenůfa: Janáček; Pelléas et Mélisande: Debussy; Giulio Cesare: Handel, Händel;
    The Rake's Progress: Stravinsky; The Threepenny Opera: Weill`,
  'company-country': `
    Toyota: Japan; Samsung: South Korea, Korea; Nokia: Finland; IKEA: Sweden, Netherlands; Volkswagen: Germany; Ferrari: Italy;
    Nestlé: Switzerland; Novartis: Switzerland; Rolex: Switzerland; Lego: Denmark; Maersk: Denmark; Carlsberg: Denmark; Spotify: Sweden;
    Volvo: Sweden; Ericsson: Sweden; Philips: Netherlands, Holland; Heineken: Netherlands, Holland; Siemens: Germany; BMW: Germany; Adidas: Germany;
    Bayer: Germany; Renault: France; L'Oréal: France; Airbus: France, Netherlands; Michelin: France; Gucci: Italy; Prada: Italy; Barilla: Italy;
    Zara: Spain; Sony: Japan; Nintendo: Japan; Honda: Japan; Mitsubishi: Japan; Hyundai: South Korea, Korea; LG: South Korea, Korea; Huawei: China;
    Alibaba: China; Infosys: India; Petrobras: Brazil; Gazprom: Russia; Microsoft: United States, USA, US, America;
    Coca-Cola: United States, USA, US, America; Intel: United States, USA, US, America; BP: United Kingdom, UK, England, Britain;
    Rolls-Royce: United Kingdom, UK, England, Britain; Unilever: United Kingdom, UK, England, Britain, Netherlands; Red Bull: Austria; Swarovski: Austria;
    BlackBerry: Canada; Qantas: Australia; Ryanair: Ireland; Equinor: Norway; Aeroflot: Russia; Lufthansa: Germany; Cemex: Mexico`,
  'drug-use': `
    insulin: diabetes; aspirin: pain, fever, headache, headaches, inflammation, heart attack, heart attacks, blood clots; paracetamol: pain, fever, headache, headaches;
    ibuprofen: pain, fever, inflammation, headache, headaches; penicillin: infection, infections, bacteria, bacterial infection, bacterial infections, syphilis, pneumonia;
    amoxicillin: infection, infections, bacterial infection, bacterial infections, pneumonia; metformin: diabetes; atorvastatin: cholesterol, high cholesterol, heart disease;
    simvastatin: cholesterol, high cholesterol, heart disease; sildenafil: erectile dysfunction, impotence, pulmonary hypertension; fluoxetine: depression; sertraline: depression, anxiety;
    diazepam: anxiety, seizures, muscle spasms, insomnia; lithium carbonate: bipolar, bipolar disorder, mania, manic depression;
    methylphenidate: ADHD, attention deficit hyperactivity disorder, attention deficit, narcolepsy; levothyroxine: hypothyroidism, thyroid, underactive thyroid;
    omeprazole: acid reflux, heartburn, ulcers, ulcer, GERD, stomach acid; salbutamol: asthma; albuterol: asthma; warfarin: blood clots, blood clotting, thrombosis, clots;
    heparin: blood clots, blood clotting, thrombosis, clots; morphine: pain; chloroquine: malaria; quinine: malaria; artemisinin: malaria; levodopa: Parkinson's, Parkinson, Parkinsons;
    donepezil: Alzheimer's, Alzheimer, Alzheimers, dementia; tamoxifen: breast cancer, cancer; zidovudine: HIV, AIDS; acyclovir: herpes, shingles, chickenpox;
    oseltamivir: influenza, flu; lisinopril: high blood pressure, hypertension, blood pressure, heart failure; amlodipine: high blood pressure, hypertension, blood pressure, angina;
    losartan: high blood pressure, hypertension, blood pressure; furosemide: edema, oedema, heart failure, fluid retention, high blood pressure, hypertension;
    cetirizine: allergies, allergy, allergic, hay fever; loratadine: allergies, allergy, allergic, hay fever; haloperidol: schizophrenia, psychosis;
    clozapine: schizophrenia; carbamazepine: epilepsy, seizures, bipolar, bipolar disorder; phenytoin: epilepsy, seizures; naloxone: opioid overdose, overdose, overdoses;
    disulfiram: alcoholism, alcohol, alcohol dependence, alcohol addiction; allopurinol: gout; colchicine: gout; rifampicin: tuberculosis, TB; isoniazid: tuberculosis, TB;
    fluconazole: fungal, fungal infection, fungal infections, fungus, yeast, candidiasis; minoxidil: hair loss, baldness; finasteride: hair loss, baldness, prostate, enlarged prostate;
    semaglutide: diabetes, obesity, weight loss; trastuzumab: breast cancer, cancer; imatinib: leukemia, leukaemia, cancer; sumatriptan: migraine, migraines`,
  'species-name': `
    Panthera leo: lion; Panthera tigris: tiger; Panthera pardus: leopard; Panthera onca: jaguar; Canis lupus: wolf; Canis familiaris: dog; Felis catus: cat;
    Homo sapiens: human, humans, man, human being; Equus caballus: horse; Bos taurus: cattle, cow, ox; Sus scrofa: boar, wild boar, pig; Ovis aries: sheep;
    Capra hircus: goat; Gallus gallus: chicken, junglefowl; Ursus arctos: bear, brown bear, grizzly bear; Ursus maritimus: polar bear; Ailuropoda melanoleuca: panda, giant panda;
    Loxodonta africana: elephant, African elephant; Elephas maximus: elephant, Asian elephant; Giraffa camelopardalis: giraffe; Vulpes vulpes: fox, red fox;
    Rattus norvegicus: rat, brown rat; Mus musculus: mouse, house mouse; Oryctolagus cuniculus: rabbit; Balaenoptera musculus: whale, blue whale; Delphinus delphis: dolphin;
    Tursiops truncatus: dolphin, bottlenose dolphin; Carcharodon carcharias: shark, white shark, great white; Salmo salar: salmon; Gadus morhua: cod; Crocodylus niloticus: crocodile;
    Apis mellifera: bee, honey bee, honeybee; Drosophila melanogaster: fruit fly; Musca domestica: fly, house fly, housefly; Bombyx mori: silkworm, silk moth, silkmoth;
    Danaus plexippus: monarch, monarch butterfly; Aptenodytes forsteri: penguin, emperor penguin; Struthio camelus: ostrich; Bubo bubo: owl, eagle owl; Corvus corax: raven;
    Haliaeetus leucocephalus: eagle, bald eagle; Falco peregrinus: falcon, peregrine falcon; Passer domesticus: sparrow, house sparrow; Quercus robur: oak; Zea mays: maize, corn;
    Oryza sativa: rice; Triticum aestivum: wheat; Solanum tuberosum: potato; Solanum lycopersicum: tomato; Malus domestica: apple; Vitis vinifera: grape, grapevine, vine, grapes;
    Coffea arabica: coffee; Helianthus annuus: sunflower; Nicotiana tabacum: tobacco; Papaver somniferum: poppy, opium poppy; Allium cepa: onion; Allium sativum: garlic;
    Daucus carota: carrot, wild carrot; Phascolarctos cinereus: koala; Ornithorhynchus anatinus: platypus; Acinonyx jubatus: cheetah; Hippopotamus amphibius: hippo`,
  'battle-year': `
    Hastings: 1066; Waterloo: 1815; Gettysburg: 1863; Trafalgar: 1805; Agincourt: 1415; Crécy: 1346; Poitiers: 1356; Bannockburn: 1314; Bosworth Field: 1485;
    Marathon: 490; Thermopylae: 480; Salamis: 480; Cannae: 216; Zama: 202; Actium: 31; Austerlitz: 1805; Borodino: 1812; Leipzig: 1813; Lepanto: 1571; Verdun: 1916;
    the Somme: 1916; Stalingrad: 1942, 1943; Midway: 1942; Britain: 1940; Kursk: 1943; Bunker Hill: 1775; Yorktown: 1781; Saratoga: 1777; Antietam: 1862; Shiloh: 1862;
    Chancellorsville: 1863; the Little Bighorn: 1876; Culloden: 1746; the Boyne: 1690; Blenheim: 1704; Plassey: 1757; Poltava: 1709; Narva: 1700; Kosovo: 1389;
    Grunwald: 1410; Mohács: 1526; Tours: 732; Manzikert: 1071; Hattin: 1187; Sekigahara: 1600; Tannenberg: 1914; Jutland: 1916; El Alamein: 1942; Iwo Jima: 1945;
    Okinawa: 1945; the Bulge: 1944, 1945; Dien Bien Phu: 1954; Balaclava: 1854; Inkerman: 1854; Solferino: 1859; Sedan: 1870; Tsushima: 1905; Ayacucho: 1824;
    the Alamo: 1836; San Jacinto: 1836; New Orleans: 1815; Marengo: 1800; Wagram: 1809; Lützen: 1632; Breitenfeld: 1631; Naseby: 1645; Marston Moor: 1644; Edgehill: 1642`,
  'ore-metal': `
    bauxite: aluminium, aluminum; galena: lead; cinnabar: mercury; hematite: iron; magnetite: iron; limonite: iron; siderite: iron; chalcopyrite: copper; malachite: copper;
    azurite: copper; bornite: copper; cuprite: copper; chalcocite: copper; cassiterite: tin; sphalerite: zinc; smithsonite: zinc; willemite: zinc; pitchblende: uranium;
    uraninite: uranium; rutile: titanium; ilmenite: titanium, iron; wolframite: tungsten, wolfram; scheelite: tungsten, wolfram; molybdenite: molybdenum; pentlandite: nickel;
    garnierite: nickel; cobaltite: cobalt; chromite: chromium, chrome; pyrolusite: manganese; beryl: beryllium; stibnite: antimony; spodumene: lithium; lepidolite: lithium;
    monazite: thorium, cerium, rare earth, rare earths, lanthanum; vanadinite: vanadium, lead; argentite: silver; acanthite: silver; cerussite: lead; anglesite: lead;
    zircon: zirconium; tantalite: tantalum; columbite: niobium; magnesite: magnesium; calaverite: gold; thorite: thorium; bismuthinite: bismuth; pollucite: caesium, cesium;
    strontianite: strontium`,
  'compound-formula': `
    water: H2O; methane: CH4; ammonia: NH3; carbon dioxide: CO2; sulfuric acid: H2SO4; hydrochloric acid: HCl; nitric acid: HNO3; sodium chloride: NaCl; glucose: C6H12O6;
    ethanol: C2H5OH, C2H6O, CH3CH2OH; methanol: CH3OH, CH4O; benzene: C6H6; acetone: C3H6O, CH3COCH3, (CH3)2CO; ozone: O3; hydrogen peroxide: H2O2; calcium carbonate: CaCO3;
    sodium hydroxide: NaOH; sodium bicarbonate: NaHCO3; potassium permanganate: KMnO4; potassium nitrate: KNO3; silver nitrate: AgNO3; copper sulfate: CuSO4;
    iron(III) oxide: Fe2O3; carbon monoxide: CO; nitrous oxide: N2O; sulfur dioxide: SO2; propane: C3H8; butane: C4H10; ethane: C2H6; ethylene: C2H4; acetylene: C2H2;
    formaldehyde: CH2O, HCHO; acetic acid: CH3COOH, C2H4O2, HC2H3O2; citric acid: C6H8O7; phosphoric acid: H3PO4; chloroform: CHCl3; toluene: C7H8, C6H5CH3;
    urea: CO(NH2)2, CH4N2O, (NH2)2CO; caffeine: C8H10N4O2; sucrose: C12H22O11; magnesium oxide: MgO; calcium chloride: CaCl2; sodium carbonate: Na2CO3;
    ammonium nitrate: NH4NO3; hydrogen sulfide: H2S; silicon dioxide: SiO2; titanium dioxide: TiO2; calcium oxide: CaO; hydrofluoric acid: HF; potassium chloride: KCl;
    hydrogen cyanide: HCN; nitroglycerin: C3H5N3O9; octane: C8H18; hexane: C6H14; naphthalene: C10H8; glycerol: C3H8O3; barium sulfate: BaSO4; zinc oxide: ZnO`,
  'language-country': `
    Icelandic: Iceland; Finnish: Finland; Hungarian: Hungary; Polish: Poland; Czech: Czech Republic, Czechia; Slovak: Slovakia; Bulgarian: Bulgaria; Romanian: Romania;
    Greek: Greece, Cyprus; Danish: Denmark; Norwegian: Norway; Swedish: Sweden; Dutch: Netherlands, Holland, Belgium; Estonian: Estonia; Latvian: Latvia; Lithuanian: Lithuania;
    Ukrainian: Ukraine; Georgian: Georgia; Armenian: Armenia; Turkish: Turkey, Türkiye; Hebrew: Israel; Persian: Iran; Pashto: Afghanistan, Pakistan; Urdu: Pakistan, India;
    Hindi: India; Bengali: Bangladesh, India; Tamil: India, Sri Lanka; Telugu: India; Marathi: India; Gujarati: India; Sinhala: Sri Lanka; Nepali: Nepal; Burmese: Myanmar, Burma;
    Thai: Thailand; Lao: Laos; Khmer: Cambodia; Vietnamese: Vietnam; Javanese: Indonesia; Tagalog: Philippines; Japanese: Japan; Korean: South Korea, Korea, North Korea;
    Mandarin: China; Mongolian: Mongolia, China; Kazakh: Kazakhstan; Uzbek: Uzbekistan; Amharic: Ethiopia; Somali: Somalia; Yoruba: Nigeria; Hausa: Nigeria, Niger; Igbo: Nigeria;
    Zulu: South Africa; Xhosa: South Africa; Afrikaans: South Africa; Shona: Zimbabwe; Malagasy: Madagascar; Quechua: Peru, Bolivia, Ecuador; Guaraní: Paraguay; Catalan: Spain, Andorra;
    Basque: Spain, France; Galician: Spain; Welsh: Wales, United Kingdom, UK, Britain; Maltese: Malta; Albanian: Albania, Kosovo; Slovene: Slovenia; Croatian: Croatia;
    Serbian: Serbia; Maori: New Zealand; Samoan: Samoa; Dzongkha: Bhutan; Tigrinya: Eritrea, Ethiopia; Kinyarwanda: Rwanda`,
  'deity-people': `
    Zeus: Greek, Greeks, Greece; Hera: Greek, Greeks, Greece; Poseidon: Greek, Greeks, Greece; Athena: Greek, Greeks, Greece; Artemis: Greek, Greeks, Greece;
    Ares: Greek, Greeks, Greece; Aphrodite: Greek, Greeks, Greece; Hermes: Greek, Greeks, Greece; Hephaestus: Greek, Greeks, Greece; Dionysus: Greek, Greeks, Greece;
    Hades: Greek, Greeks, Greece; Demeter: Greek, Greeks, Greece; Jupiter: Roman, Romans, Rome; Juno: Roman, Romans, Rome; Minerva: Roman, Romans, Rome;
    Neptune: Roman, Romans, Rome; Vulcan: Roman, Romans, Rome; Bacchus: Roman, Romans, Rome, Greek, Greeks; Janus: Roman, Romans, Rome;
    Odin: Norse, Norsemen, Germanic, Vikings, Viking, Scandinavian, Scandinavians; Thor: Norse, Norsemen, Germanic, Vikings, Viking, Scandinavian, Scandinavians;
    Loki: Norse, Norsemen, Germanic, Vikings, Viking, Scandinavian, Scandinavians; Freya: Norse, Norsemen, Germanic, Vikings, Viking, Scandinavian, Scandinavians;
    Baldur: Norse, Norsemen, Germanic, Vikings, Viking, Scandinavian, Scandinavians; Heimdall: Norse, Norsemen, Germanic, Vikings, Viking, Scandinavian, Scandinavians;
    Ra: Egyptian, Egyptians, Egypt; Osiris: Egyptian, Egyptians, Egypt; Isis: Egyptian, Egyptians, Egypt; Anubis: Egyptian, Egyptians, Egypt; Horus: Egyptian, Egyptians, Egypt;
    Thoth: Egyptian, Egyptians, Egypt; Hathor: Egyptian, Egyptians, Egypt; Bastet: Egyptian, Egyptians, Egypt; Shiva: Hindu, Hindus, Hinduism, Indian, Indians, India;
    Vishnu: Hindu, Hindus, Hinduism, Indian, Indians, India; Brahma: Hindu, Hindus, Hinduism, Indian, Indians, India; Ganesha: Hindu, Hindus, Hinduism, Indian, Indians, India;
    Lakshmi: Hindu, Hindus, Hinduism, Indian, Indians, India; Quetzalcoatl: Aztec, Aztecs, Mesoamerican, Toltec, Toltecs; Huitzilopochtli: Aztec, Aztecs, Mexica;
    Tlaloc: Aztec, Aztecs, Mesoamerican; Inti: Inca, Incas, Incan; Viracocha: Inca, Incas, Incan; Kukulkan: Maya, Mayan, Mayans, Mayas; Amaterasu: Japanese, Japan, Shinto;
    Susanoo: Japanese, Japan, Shinto; Marduk: Babylonian, Babylonians, Babylon, Mesopotamian; Ishtar: Babylonian, Babylonians, Akkadian, Akkadians, Assyrian, Assyrians, Mesopotamian, Mesopotamians;
    Perun: Slavic, Slavs, Slav; Lugh: Celtic, Celts, Irish; Pele: Hawaiian, Hawaiians`,
  'dish-country': `
    sushi: Japan; pizza: Italy; paella: Spain; goulash: Hungary; borscht: Ukraine, Russia; pierogi: Poland; moussaka: Greece; tzatziki: Greece; souvlaki: Greece;
    kimchi: Korea, South Korea; bibimbap: Korea, South Korea; pad thai: Thailand; tom yum: Thailand; pho: Vietnam; banh mi: Vietnam; nasi goreng: Indonesia; rendang: Indonesia;
    laksa: Malaysia, Singapore, Indonesia; Peking duck: China; mapo tofu: China; dim sum: China; tacos: Mexico; guacamole: Mexico; enchiladas: Mexico; ceviche: Peru; feijoada: Brazil;
    poutine: Canada; haggis: Scotland, United Kingdom, UK; fish and chips: England, United Kingdom, UK, Britain; fondue: Switzerland; raclette: Switzerland; rösti: Switzerland;
    Wiener schnitzel: Austria; sauerbraten: Germany; bratwurst: Germany; ratatouille: France; bouillabaisse: France; coq au vin: France; quiche Lorraine: France; gazpacho: Spain;
    risotto: Italy; lasagne: Italy; carbonara: Italy; tiramisu: Italy; smørrebrød: Denmark; surströmming: Sweden; lutefisk: Norway; tagine: Morocco; injera: Ethiopia, Eritrea;
    jollof rice: Nigeria, Senegal, Ghana; biltong: South Africa; bobotie: South Africa; tempura: Japan; ramen: Japan, China; okonomiyaki: Japan; tandoori chicken: India; dosa: India;
    biryani: India; baklava: Turkey, Türkiye; doner kebab: Turkey, Türkiye, Germany; khachapuri: Georgia; pavlova: New Zealand, Australia; caldo verde: Portugal;
    stroopwafel: Netherlands, Holland; ackee and saltfish: Jamaica; arepa: Venezuela, Colombia; pupusa: El Salvador, Honduras; cullen skink: Scotland, United Kingdom, UK;
    bigos: Poland; okroshka: Russia; blini: Russia; svíčková: Czech Republic, Czechia`,
};

/** Accepted answers of each famous thing, by kind. */
export const FAMOUS = Object.fromEntries(
  Object.entries(TABLES).map(([kind, table]) => [kind, parse(table)]),
) as Record<Kind, Record<string, string[]>>;

function parse(table: string): Record<string, string[]> {
  return Object.fromEntries(
    table.split(';').map((entry) => {
      const at = entry.indexOf(':');
      return [
        entry.slice(0, at).trim(),
        entry
          .slice(at + 1)
          .split(',')
          .map((answer) => answer.trim()),
      ];
    }),
  );
}
